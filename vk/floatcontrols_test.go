package vk

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

var allModes = FloatModes{RoundingModeRTE: true, DenormPreserve: true}

// floatModule has one entry point %4 and float types of the given widths.
func floatModule(widths ...uint32) []uint32 {
	instructions := [][]uint32{
		{opCapability, 1},
		{14, 0, 1}, // OpMemoryModel
		{opEntryPoint, 5, 4, 0x6e69616d, 0},
		{opExecutionMode, 4, modeLocalSize, 1, 1, 1},
	}
	for i, w := range widths {
		instructions = append(instructions, []uint32{opTypeFloat, uint32(10 + i), w})
	}
	return moduleWords(assemble(instructions...))
}

// requested splits a module into the modes it asks for and all other words.
func requested(t *testing.T, words []uint32) (capabilities, modes []uint32, rest []uint32) {
	t.Helper()
	rest = append(rest, words[:5]...)
	require.NoError(t, eachInstruction(words, func(at int, op uint32, args []uint32) error {
		switch {
		case op == opCapability && args[0] >= 4459 && args[0] <= 4468:
			capabilities = append(capabilities, args[0])
		case op == opExecutionMode && args[1] >= 4459 && args[1] <= 4468:
			require.EqualValues(t, 32, args[2])
			modes = append(modes, args[1])
		case op == opExtension:
			require.Equal(t, floatControlsName, args)
		default:
			rest = append(rest, words[at:at+1+len(args)]...)
		}
		return nil
	}))
	return capabilities, modes, rest
}

func TestRequest(t *testing.T) {
	rte, denorm := FloatModes{RoundingModeRTE: true}, FloatModes{DenormPreserve: true}
	tests := []struct {
		name                string
		widths              []uint32
		modes               FloatModes
		shared              floatSharing
		capabilities, wants []uint32
	}{
		{"nothing offered", []uint32{32}, FloatModes{}, floatSharing{}, nil, nil},
		{"no float", nil, allModes, floatSharing{}, nil, nil},
		{"f16 only", []uint32{16}, allModes, floatSharing{}, nil, nil},
		{"rounding", []uint32{32}, rte, floatSharing{}, []uint32{4467}, []uint32{4462}},
		{"subnormals", []uint32{32}, denorm, floatSharing{}, []uint32{4464}, []uint32{4459}},
		{"both", []uint32{32}, allModes, floatSharing{}, []uint32{4467, 4464}, []uint32{4462, 4459}},
		{"both of several widths", []uint32{16, 32}, allModes, floatSharing{}, []uint32{4467, 4464}, []uint32{4462, 4459}},
		{"shared with nothing", []uint32{32}, allModes, floatSharing{true, true}, []uint32{4467, 4464}, []uint32{4462, 4459}},
		{"shared rounding", []uint32{32, 64}, allModes, floatSharing{rounding: true}, []uint32{4464}, []uint32{4459}},
		{"shared subnormals", []uint32{32, 16}, allModes, floatSharing{denorm: true}, []uint32{4467}, []uint32{4462}},
		{"shared both", []uint32{32, 16}, allModes, floatSharing{true, true}, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			words := floatModule(test.widths...)
			got, err := test.modes.request(words, test.shared)
			require.NoError(t, err)
			capabilities, modes, rest := requested(t, got)
			require.Equal(t, test.capabilities, capabilities)
			require.Equal(t, test.wants, modes)
			require.Equal(t, words, rest)
		})
	}
	_, err := allModes.request(append(floatModule(32), 9<<16), floatSharing{})
	require.EqualError(t, err, "SPIR-V instruction at word 24 is cut off")
}

// TestRequestWords spells out the result for the smallest module.
func TestRequestWords(t *testing.T) {
	got, err := allModes.request(floatModule(32), floatSharing{})
	require.NoError(t, err)
	require.Equal(t, moduleWords(assemble(
		[]uint32{opCapability, 1},
		[]uint32{opCapability, 4467},
		[]uint32{opCapability, 4464},
		append([]uint32{opExtension}, moduleWords([]byte("SPV_KHR_float_controls\x00\x00"))...),
		[]uint32{14, 0, 1},
		[]uint32{opEntryPoint, 5, 4, 0x6e69616d, 0},
		[]uint32{opExecutionMode, 4, 4462, 32},
		[]uint32{opExecutionMode, 4, 4459, 32},
		[]uint32{opExecutionMode, 4, modeLocalSize, 1, 1, 1},
		[]uint32{opTypeFloat, 10, 32})), got)
}

// TestRequestKernels gives every kernel all modes; spirv-val, where it is
// installed, finds the result valid.
func TestRequestKernels(t *testing.T) {
	validator, _ := exec.LookPath("spirv-val")
	for _, k := range shaders.All() {
		t.Run(k.Name, func(t *testing.T) {
			words := moduleWords(k.SPIRV)
			got, err := allModes.request(words, floatSharing{true, true})
			require.NoError(t, err)
			places, err := findFloatPlaces(words)
			require.NoError(t, err)
			capabilities, _, rest := requested(t, got)
			require.Equal(t, places.float32, len(capabilities) == 2)
			require.Equal(t, words, rest)
			if validator == "" {
				return
			}
			out, err := validate(t, validator, got)
			require.NoError(t, err, "%s", out)
		})
	}
	places, err := findFloatPlaces(moduleWords(shaders.Probe.SPIRV))
	require.NoError(t, err)
	require.True(t, places.float32, "the probe is to run in the modes of the kernels")
	if validator != "" { // the control: a mode without its capability
		words := moduleWords(shaders.Probe.SPIRV)
		bad := append(append(append([]uint32{}, words[:places.modes]...), 4<<16|opExecutionMode, places.entries[0], modeRTE, 32), words[places.modes:]...)
		out, err := validate(t, validator, bad)
		require.Error(t, err, "%s", out)
	}
}

func validate(t *testing.T, validator string, words []uint32) ([]byte, error) {
	t.Helper()
	var code []byte
	for _, w := range words {
		code = binary.LittleEndian.AppendUint32(code, w)
	}
	file := filepath.Join(t.TempDir(), "module.spv")
	require.NoError(t, os.WriteFile(file, code, 0o600))
	return exec.Command(validator, "--target-env", "vulkan1.1", file).CombinedOutput()
}

// TestFloatModes: an open device asks for what its driver offers, and every
// kernel compiles with it under the validation layer; at the minimum nothing is
// asked for.
func TestFloatModes(t *testing.T) {
	d := openTest(t, Options{})
	offered := d.Info().FloatControls
	require.Equal(t, FloatModes{offered.RoundToNearestEven, offered.DenormPreserve}, d.Info().FloatModes)
	for _, k := range shaders.All() {
		_, err := d.NewPipeline(k, defaults(k))
		require.NoError(t, err)
	}
	low := openTest(t, Options{MinimumLimits: true})
	require.Equal(t, FloatModes{}, low.Info().FloatModes)
}

// TestAdoptFloatModes asks for the modes in an adopted device, made for Vulkan
// 1.1 with the extension.
func TestAdoptFloatModes(t *testing.T) {
	h := newOwner(t, "VK_KHR_shader_float_controls\x00")
	defer h.destroy()
	handles := h.handles()
	handles.FloatControls = true
	d, err := Adopt(handles, Options{Validation: true})
	require.NoError(t, err)
	offered := d.Info().FloatControls
	require.Equal(t, FloatModes{offered.RoundToNearestEven, offered.DenormPreserve}, d.Info().FloatModes)
	closeTest(t, d)
}

// TestAdoptFloatModesMissing is the control of the layer: it objects when the
// extension is said to be enabled and is not.
func TestAdoptFloatModesMissing(t *testing.T) {
	h := newOwner(t)
	defer h.destroy()
	handles := h.handles()
	handles.FloatControls = true
	d, err := Adopt(handles, Options{Validation: true})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	asked := d.Info().FloatModes != FloatModes{}
	require.Equal(t, asked, len(d.ValidationMessages()) > 0)
}
