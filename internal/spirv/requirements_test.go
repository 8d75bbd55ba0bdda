package spirv

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// header is that of a module of version 1.3 with ids below 100.
var header = littleEndian([]uint32{magic, 0x00010300, 0, 100, 0})

// module parses instructions.
func module(t testing.TB, instructions ...Instruction) *Module {
	return parsed(t, assemble(header, instructions))
}

func in(op Op, operands ...uint32) Instruction { return Instruction{Op: op, Operands: operands} }

// shared has workgroup (%20, 1, 1) with SpecId 0 and a shared array of uvec4 of
// %20 * 8 / 4 elements.
func shared(t testing.TB) *Module {
	return module(t,
		in(opCapability, 1),
		in(opExecutionMode, 4, modeLocalSize, 1, 1, 1),
		in(opDecorate, 20, decorationSpecID, 0),
		in(opDecorate, 22, decorationBuiltIn, builtInWorkgroupSize),
		in(opTypeInt, 10, 32, 0),
		in(opTypeVector, 11, 10, 4),
		in(opTypeVector, 12, 10, 3),
		in(opSpecConstant, 10, 20, 128),
		in(opConstant, 10, 21, 1),
		in(opConstant, 10, 23, 8),
		in(opConstant, 10, 24, 4),
		in(opSpecConstantComposite, 12, 22, 20, 21, 21),
		in(opSpecConstantOp, 10, 25, uint32(opCompositeExtract), 22, 0),
		in(opSpecConstantOp, 10, 26, 132, 25, 23), // IMul
		in(opSpecConstantOp, 10, 27, 134, 26, 24), // UDiv
		in(opTypeArray, 13, 11, 27),
		in(opTypePointer, 14, classWorkgroup, 13),
		in(opVariable, 14, 30, classWorkgroup),
	)
}

func TestRequirements(t *testing.T) {
	needs, err := shared(t).Requirements(nil)
	require.NoError(t, err)
	assert.Equal(t, Requirements{[3]uint32{128, 1, 1}, 4096, []uint32{1}}, needs)
	needs, err = shared(t).Requirements(map[uint32]uint32{0: 32})
	require.NoError(t, err)
	assert.Equal(t, Requirements{[3]uint32{32, 1, 1}, 1024, []uint32{1}}, needs)
}

// TestRequirementsWorkgroup has the workgroup in each of the ways that SPIR-V
// has for it.
func TestRequirementsWorkgroup(t *testing.T) {
	literal := in(opExecutionMode, 4, modeLocalSize, 2, 3, 4)
	constants := []Instruction{in(opTypeInt, 10, 32, 0), in(opConstant, 10, 20, 5), in(opSpecConstant, 10, 21, 6)}
	byID := in(opExecutionModeID, 4, modeLocalSizeID, 20, 21, 20)
	for name, test := range map[string]struct {
		module *Module
		want   [3]uint32
	}{
		"literal":   {module(t, literal), [3]uint32{2, 3, 4}},
		"by id":     {module(t, append([]Instruction{byID}, constants...)...), [3]uint32{5, 6, 5}},
		"too short": {module(t, in(opExecutionMode, 4, modeLocalSize, 2)), [3]uint32{}},
		"constant": {module(t, append(append([]Instruction{literal, in(opDecorate, 22, decorationBuiltIn, builtInWorkgroupSize)},
			constants...), in(opConstantComposite, 10, 22, 21, 20, 20))...), [3]uint32{6, 5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			needs, err := test.module.Requirements(nil)
			require.NoError(t, err)
			assert.Equal(t, test.want, needs.Workgroup)
		})
	}
	_, err := module(t, byID).Requirements(nil)
	assert.EqualError(t, err, "spirv: workgroup size %20 is no constant")
}

// TestRequirementsShared has shared variables of every kind of type.
func TestRequirementsShared(t *testing.T) {
	types := []Instruction{
		in(opTypeBool, 10), in(opTypeFloat, 11, 32), in(opTypeInt, 12, 16, 0), in(opTypeVector, 13, 11, 3),
		in(opSpecConstantTrue, 10, 20), in(opSpecConstantFalse, 10, 21),
		in(opConstant, 12, 22, 7), in(opConstant, 12, 23, 9),
		in(opSpecConstantOp, 12, 24, 169, 20, 22, 23), // Select
		in(opSpecConstantOp, 12, 25, 169, 21, 22, 23),
		in(opTypeArray, 14, 12, 24), in(opTypeArray, 15, 12, 25), in(opTypeStruct, 16, 10, 13, 14),
	}
	for of, bytes := range map[uint32]uint64{10: 4, 11: 4, 12: 2, 13: 12, 14: 14, 15: 18, 16: 30} {
		m := module(t, append(types, in(opTypePointer, 30, classWorkgroup, of), in(opVariable, 30, 31, classWorkgroup))...)
		needs, err := m.Requirements(nil)
		require.NoError(t, err)
		assert.Equal(t, bytes, needs.SharedBytes, "type %%%d", of)
	}
	for name, length := range map[string]Instruction{
		"no constant":    in(Op(19), 27),
		"unknown op":     in(opSpecConstantOp, 12, 27, 65, 22),
		"unknown value":  in(opSpecConstantOp, 12, 27, 128, 22, 99),
		"no composite":   in(opSpecConstantOp, 12, 27, uint32(opCompositeExtract), 22, 0),
		"beyond a part":  in(opSpecConstantOp, 12, 27, uint32(opCompositeExtract), 26, 9),
		"part of a part": in(opSpecConstantOp, 12, 27, uint32(opCompositeExtract), 26, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			m := module(t, append(types, in(opConstantComposite, 13, 26, 22, 22), length, in(opTypeArray, 17, 12, 27),
				in(opTypePointer, 30, classWorkgroup, 17), in(opVariable, 30, 31, classWorkgroup))...)
			_, err := m.Requirements(nil)
			assert.EqualError(t, err, "spirv: shared variable %31 has a size that depends on more than constants")
		})
	}
}

// TestConstantOps has one case for each operation.
func TestConstantOps(t *testing.T) {
	want := map[Op]uint32{opCompositeExtract: 6, 128: 9, 130: 3, 132: 18, 134: 2, 137: 0, 164: 0, 165: 1, 166: 7, 167: 2,
		168: 7, 170: 0, 171: 1, 172: 1, 174: 1, 176: 0, 178: 0, 194: 0, 196: 48, 197: 7, 198: 5, 199: 2, 200: ^uint32(6)}
	require.Len(t, constantOps, len(want)+1)
	for op, f := range constantOps {
		if op == 169 { // Select, of a condition
			assert.Equal(t, []uint32{3, 5}, []uint32{f(1, 3, 5), f(0, 3, 5)}, op)
			continue
		}
		assert.Equal(t, want[op], f(6, 3, 0), op)
	}
	assert.Equal(t, []uint32{6, 0}, []uint32{constantOps[134](6, 0, 0), constantOps[137](6, 0, 0)}, "division by zero")
}

// TestRequirementsOfKernels reads every kernel at its default values.
func TestRequirementsOfKernels(t *testing.T) {
	for _, k := range shaders.All() {
		t.Run(k.Name, func(t *testing.T) {
			values := map[uint32]uint32{}
			for _, c := range k.Constants {
				values[c.ID] = c.Default
			}
			needs, err := parsed(t, k.SPIRV).Requirements(values)
			require.NoError(t, err)
			assert.Equal(t, [3]uint32{values[0], 1, 1}, needs.Workgroup, "constant 0 is the workgroup")
			assert.Contains(t, needs.Capabilities, uint32(1))
			t.Logf("%d bytes of shared memory", needs.SharedBytes)
		})
	}
}
