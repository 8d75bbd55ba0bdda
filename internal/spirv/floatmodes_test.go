package spirv

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/qaqvk/qaqvk/shaders"
)

// floats has two entry points %4 and %5 and the types f32 and f16.
func floats(t testing.TB) *Module {
	return module(t,
		in(opCapability, 1),
		in(14, 0, 1),
		in(opEntryPoint, 5, 4, 0x6e69616d, 0),
		in(opEntryPoint, 5, 5, 0x6e69616c, 0),
		in(opExecutionMode, 4, modeLocalSize, 1, 1, 1),
		in(opTypeFloat, 10, 32),
		in(opTypeFloat, 11, 16))
}

func TestFloatWidths(t *testing.T) {
	assert.Equal(t, []uint32{32, 16}, floats(t).FloatWidths())
	assert.Empty(t, shared(t).FloatWidths())
}

func TestWithFloatModes(t *testing.T) {
	extension := []uint32{0x5f565053, 0x5f52484b, 0x616f6c66, 0x6f635f74, 0x6f72746e, 0x736c} // the name, its zero and padding
	assert.Equal(t, module(t,
		in(opCapability, 1),
		in(opCapability, 4467),
		in(opCapability, 4464),
		in(opExtension, extension...),
		in(14, 0, 1),
		in(opEntryPoint, 5, 4, 0x6e69616d, 0),
		in(opEntryPoint, 5, 5, 0x6e69616c, 0),
		in(opExecutionMode, 4, 4462, 32),
		in(opExecutionMode, 5, 4462, 32),
		in(opExecutionMode, 4, 4459, 32),
		in(opExecutionMode, 5, 4459, 32),
		in(opExecutionMode, 4, modeLocalSize, 1, 1, 1),
		in(opTypeFloat, 10, 32),
		in(opTypeFloat, 11, 16)).words, floats(t).WithFloatModes(RoundingModeRTE, DenormPreserve))
	assert.Equal(t, floats(t).words, floats(t).WithFloatModes())
	assert.Equal(t, shared(t).words, shared(t).WithFloatModes(DenormPreserve), "no entry point, no mode")
}

// TestKernelsWithFloatModes gives every kernel with floats all modes;
// spirv-val, where it is installed, finds the result valid.
func TestKernelsWithFloatModes(t *testing.T) {
	for _, k := range shaders.All() {
		t.Run(k.Name, func(t *testing.T) {
			if m := parsed(t, k.SPIRV); len(m.FloatWidths()) > 0 {
				validate(t, m.WithFloatModes(RoundingModeRTE, DenormPreserve))
			}
		})
	}
	m := parsed(t, shaders.Probe.SPIRV)
	assert.Equal(t, []uint32{32}, m.FloatWidths(), "the probe is to run in the modes of the kernels")
	if validator != "" { // the control: a mode without the capability that belongs to it
		assert.Error(t, invalid(t, m.WithFloatModes(FloatMode{DenormPreserve.capability, RoundingModeRTE.mode})))
	}
}
