package vk

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/spirv"
	"github.com/qaqvk/qaqvk/shaders"
)

var allModes = FloatModes{RoundingModeRTE: true, DenormPreserve: true}

// module has one entry point and float types of the given widths.
func module(t *testing.T, widths ...uint32) *spirv.Module {
	t.Helper()
	words := []uint32{0x07230203, 0x00010300, 0, 100, 0,
		2<<16 | 17, 1, // OpCapability Shader
		3<<16 | 14, 0, 1, // OpMemoryModel
		5<<16 | 15, 5, 4, 0x6e69616d, 0, // OpEntryPoint %4
	}
	for i, w := range widths {
		words = append(words, 3<<16|22, uint32(10+i), w) // OpTypeFloat
	}
	var code []byte
	for _, w := range words {
		code = binary.LittleEndian.AppendUint32(code, w)
	}
	m, err := spirv.Parse(code)
	require.NoError(t, err)
	return m
}

func TestRequest(t *testing.T) {
	rte, denorm := FloatModes{RoundingModeRTE: true}, FloatModes{DenormPreserve: true}
	both := []spirv.FloatMode{spirv.RoundingModeRTE, spirv.DenormPreserve}
	tests := []struct {
		name   string
		widths []uint32
		modes  FloatModes
		shared floatSharing
		want   []spirv.FloatMode
	}{
		{"nothing offered", []uint32{32}, FloatModes{}, floatSharing{}, nil},
		{"no float", nil, allModes, floatSharing{}, nil},
		{"f16 only", []uint32{16}, allModes, floatSharing{}, nil},
		{"rounding", []uint32{32}, rte, floatSharing{}, both[:1]},
		{"subnormals", []uint32{32}, denorm, floatSharing{}, both[1:]},
		{"both", []uint32{32}, allModes, floatSharing{}, both},
		{"both of several widths", []uint32{16, 32}, allModes, floatSharing{}, both},
		{"shared with nothing", []uint32{32}, allModes, floatSharing{true, true}, both},
		{"shared rounding", []uint32{32, 64}, allModes, floatSharing{rounding: true}, both[1:]},
		{"shared subnormals", []uint32{32, 16}, allModes, floatSharing{denorm: true}, both[:1]},
		{"shared both", []uint32{32, 16}, allModes, floatSharing{true, true}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := module(t, test.widths...)
			require.Equal(t, m.WithFloatModes(test.want...), test.modes.request(m, test.shared))
		})
	}
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
