package spirv

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestControls(t *testing.T) {
	const inexact = "not on the list of exact operations"
	tests := []struct {
		name string // shader in testdata
		want []Finding
	}{
		{"exact", nil},
		{"divide", []Finding{{Op: "OpFDiv", Name: "quotient", Reason: inexact}}},
		{"multiply", []Finding{{Op: "OpFMul", Reason: "lacks NoContraction: mark it precise"}}},
		{"groupsum", []Finding{{Op: "OpGroupNonUniformFAdd", Reason: inexact}}},
		{"fma", []Finding{{Op: "OpExtInst Fma", Name: "fused", Reason: inexact}}},
		{"exp", []Finding{{Op: "OpExtInst Exp", Reason: inexact}}},
		{"root", []Finding{{Op: "OpExtInst Sqrt", Reason: inexact}}},
		{"minimum", []Finding{{Op: "OpExtInst FMin", Reason: inexact}}},
		{"unpackhalf", []Finding{{Op: "OpExtInst UnpackHalf2x16", Reason: inexact}}},
		{"mix", []Finding{{Op: "OpExtInst FMix", Reason: inexact}}},
		{"modulo", []Finding{{Op: "OpFMod", Reason: inexact}}},
		{"dot", []Finding{{Op: "OpDot", Name: "sum", Reason: inexact}}},
		{"scale", []Finding{{Op: "OpVectorTimesScalar", Name: "scaled", Reason: inexact}}},
		{"double", []Finding{
			{Op: "OpCapability", Reason: "capability 10 is not on the list"},
			{Op: "OpTypeFloat", Reason: "floats of 64 bits"},
			{Op: "OpFConvert", Name: "wide", Reason: inexact},
			{Op: "OpFConvert", Reason: inexact},
		}},
		{"relaxed", []Finding{
			{Op: "OpDecorate", Reason: "decoration 0 is not on the list"},
			{Op: "OpDecorate", Reason: "decoration 0 is not on the list"},
			{Op: "OpDecorate", Reason: "decoration 0 is not on the list"},
			{Op: "OpDecorate", Reason: "decoration 0 is not on the list"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := parsed(t, control(t, test.name))
			found := Lint(m)
			require.Len(t, found, len(test.want), "%v", found)
			for i, want := range test.want {
				assertFinding(t, m, want, found[i])
			}
		})
	}
	files, err := filepath.Glob("testdata/*.comp")
	require.NoError(t, err)
	assert.Len(t, files, len(tests), "every control is in the table")
}

// assertFinding compares what the GLSL fixes; the place must lead to the
// instruction that the finding names.
func assertFinding(t *testing.T, m *Module, want, got Finding) {
	assert.Equal(t, want.Op, got.Op)
	assert.Equal(t, want.Name, got.Name)
	assert.Equal(t, want.Reason, got.Reason)
	for _, in := range m.Instructions {
		if in.Offset == got.Offset {
			assert.True(t, strings.HasPrefix(want.Op, in.Op.String()))
			assert.Equal(t, in.resultID(), got.ID)
			assert.Equal(t, in.typeID() != 0, got.Function == "main")
			return
		}
	}
	t.Errorf("no instruction at word %d", got.Offset)
}

func TestFindingString(t *testing.T) {
	found := Lint(parsed(t, control(t, "divide")))
	require.Len(t, found, 1)
	assert.Equal(t, `word 319: OpFDiv %34 "quotient" in main: not on the list of exact operations`, found[0].String())
	assert.Equal(t, "word 7: OpCapability: capability 10 is not on the list",
		Finding{Op: "OpCapability", Offset: 7, Reason: "capability 10 is not on the list"}.String())
}

// TestLintEdits breaks the good control one instruction at a time, where GLSL
// has no way to write the breach.
func TestLintEdits(t *testing.T) {
	tests := []struct {
		name string
		edit func(Instruction) Instruction
		want string // reason
	}{
		{"unknown opcode", swap(Op(127), Op(4999)), "not on the list of exact operations"},
		{"undefined value", swap(Op(61), Op(1)), "not on the list of exact operations"},
		{"rounding mode", set(opExecutionMode, 1, 4462), "execution mode 4462 is not on the list"},
		{"kernel capability", set(opCapability, 0, 6), "capability 6 is not on the list"},
		{"extension", set(opExtInstImport, 1, 0x6e65704f), "Open.std.450 is not on the list"},
		{"half", set(opTypeFloat, 1, 16), "floats of 16 bits"},
		{"float atomic", swap(Op(234), Op(6035)), "not on the list of exact operations"},
		{"division of constants", set(opSpecConstantOp, 2, 136), "OpFDiv among specialization constants"},
		{"product of constants", set(opSpecConstantOp, 2, 133), "OpFMul among specialization constants"},
	}
	code := control(t, "exact")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := parsed(t, edited(t, code, test.edit))
			found := Lint(m)
			require.NotEmpty(t, found)
			assert.Equal(t, test.want, found[0].Reason)
		})
	}
}

// TestAtomicsAreOnIntegers gives every atomic of the good control a float type.
func TestAtomicsAreOnIntegers(t *testing.T) {
	code := control(t, "exact")
	m := parsed(t, code)
	float := uint32(0)
	for _, in := range m.Instructions {
		if in.Op == opTypeFloat {
			float = in.resultID()
		}
	}
	for _, finding := range Lint(parsed(t, edited(t, code, func(in Instruction) Instruction {
		if _, ok := atomicOps[in.Op]; ok {
			in.Operands[0] = float
		}
		return in
	}))) {
		assert.Equal(t, "atomic on another type than an integer", finding.Reason)
		float = 0
	}
	assert.Zero(t, float, "something was found")
}

// edited applies edit to copies of all instructions of code.
func edited(t *testing.T, code []byte, edit func(Instruction) Instruction) []byte {
	instructions := parsed(t, append([]byte(nil), code...)).Instructions
	for i := range instructions {
		instructions[i] = edit(instructions[i])
	}
	return assemble(code, instructions)
}

// swap replaces one opcode by another.
func swap(from, to Op) func(Instruction) Instruction {
	return func(in Instruction) Instruction {
		if in.Op == from {
			in.Op = to
		}
		return in
	}
}

// set changes an operand of all instructions of an opcode.
func set(op Op, operand int, value uint32) func(Instruction) Instruction {
	return func(in Instruction) Instruction {
		if in.Op == op {
			in.Operands[operand] = value
		}
		return in
	}
}
