package vk

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// assemble makes a module of instructions: opcode, then its words.
func assemble(instructions ...[]uint32) []byte {
	words := []uint32{0x07230203, 0x00010300, 0, 100, 0}
	for _, in := range instructions {
		words = append(words, uint32(len(in))<<16|in[0])
		words = append(words, in[1:]...)
	}
	var code []byte
	for _, w := range words {
		code = binary.LittleEndian.AppendUint32(code, w)
	}
	return code
}

// sharedModule has workgroup (%20, 1, 1) with SpecId 0 and a shared array of
// uvec4 of %20 * 8 / 4 elements.
func sharedModule() []byte {
	return assemble(
		[]uint32{opCapability, 1},
		[]uint32{opExecutionMode, 4, modeLocalSize, 1, 1, 1},
		[]uint32{opDecorate, 20, decorationSpecID, 0},
		[]uint32{opDecorate, 22, decorationBuiltIn, builtInWorkgroup},
		[]uint32{opTypeInt, 10, 32, 0},
		[]uint32{opTypeVector, 11, 10, 4},
		[]uint32{opTypeVector, 12, 10, 3},
		[]uint32{opSpecConstant, 10, 20, 128},
		[]uint32{opConstant, 10, 21, 1},
		[]uint32{opConstant, 10, 23, 8},
		[]uint32{opConstant, 10, 24, 4},
		[]uint32{opSpecComposite, 12, 22, 20, 21, 21},
		[]uint32{opSpecOp, 10, 25, 81, 22, 0},   // CompositeExtract
		[]uint32{opSpecOp, 10, 26, 132, 25, 23}, // IMul
		[]uint32{opSpecOp, 10, 27, 134, 26, 24}, // UDiv
		[]uint32{opTypeArray, 13, 11, 27},
		[]uint32{opTypePointer, 14, storageWorkgroup, 13},
		[]uint32{opVariable, 14, 30, storageWorkgroup},
	)
}

func TestReadModule(t *testing.T) {
	needs, err := readModule(sharedModule(), nil)
	require.NoError(t, err)
	require.Equal(t, moduleNeeds{size: [3]uint32{128, 1, 1}, sharedBytes: 4096, capabilities: []uint32{1}}, needs)
	needs, err = readModule(sharedModule(), map[uint32]uint32{0: 32})
	require.NoError(t, err)
	require.Equal(t, moduleNeeds{size: [3]uint32{32, 1, 1}, sharedBytes: 1024, capabilities: []uint32{1}}, needs)
}

func TestReadModuleBad(t *testing.T) {
	code := sharedModule()
	tests := []struct {
		name string
		code []byte
		want string
	}{
		{"empty", nil, "0 bytes are no SPIR-V module"},
		{"odd", code[:21], "21 bytes are no SPIR-V module"},
		{"magic", make([]byte, 24), "24 bytes are no SPIR-V module"},
		{"cut off", code[:len(code)-4], "SPIR-V instruction at word 81 is cut off"},
		{"unknown size", assemble(
			[]uint32{opTypeInt, 10, 32, 0},
			[]uint32{opTypeArray, 13, 10, 27},
			[]uint32{opTypePointer, 14, storageWorkgroup, 13},
			[]uint32{opVariable, 14, 30, storageWorkgroup}),
			"shared variable %30 has a size that depends on more than constants"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := readModule(test.code, nil)
			require.EqualError(t, err, test.want)
		})
	}
}

// TestReadKernels reads every kernel that there is at its default values.
func TestReadKernels(t *testing.T) {
	for _, k := range shaders.All() {
		t.Run(k.Name, func(t *testing.T) {
			spec := map[uint32]uint32{}
			for _, c := range k.Constants {
				spec[c.ID] = c.Default
			}
			needs, err := readModule(k.SPIRV, spec)
			require.NoError(t, err)
			require.Equal(t, [3]uint32{spec[0], 1, 1}, needs.size, "constant 0 is the workgroup")
			require.Contains(t, needs.capabilities, uint32(1))
			t.Logf("%d bytes of shared memory", needs.sharedBytes)
		})
	}
}
