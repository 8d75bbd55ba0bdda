package spirv

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReflect(t *testing.T) {
	r, err := Reflect(parsed(t, control(t, "exact")))
	require.NoError(t, err)
	assert.Equal(t, &Reflection{
		Bindings:  []Binding{{Name: "In", Index: 0, ReadOnly: true}, {Name: "Out", Index: 1}},
		Push:      []Field{{Name: "Count", Offset: 0}, {Name: "Factor", Offset: 4, Float: true}},
		Constants: []Constant{{Name: "WORKGROUP", ID: 0, Default: 128}, {Name: "HALF_WIDTH", ID: 7, Default: 16}},
	}, r)
	assert.Equal(t, uint32(8), r.PushSize())
	r, err = Reflect(parsed(t, control(t, "divide")))
	require.NoError(t, err)
	assert.True(t, r.Bindings[1].WriteOnly)
	assert.Zero(t, r.PushSize())
}

// TestReflectErrors edits the declarations of the good control.
func TestReflectErrors(t *testing.T) {
	tests := []struct {
		name string
		edit func(Instruction) Instruction
		want string
	}{
		{"vertex shader", set(opEntryPoint, 0, 0), `entry point "main" of execution model 0, want a GLCompute main`},
		{"entry point's name", set(opEntryPoint, 2, 0x6e69616c), `entry point "lain" of execution model 5`},
		{"no entry point", swap(opEntryPoint, 4999), "0 entry points, want 1"},
		{"set 1", decorate(decorationDescriptorSet, 1), `buffer "In" lacks a name, a binding or set 0`},
		{"binding gap", decorate(decorationBinding, 2), `has binding 2, want 0`},
		{"no block", swap(opTypePointer, 4999), "is no block"},
		{"uniform buffer", classChange(classStorageBuffer, 2), "of storage class 2, which no kernel may have"},
		{"push as storage", classChange(classPushConstant, classStorageBuffer), `buffer "Push" lacks a name`},
		{"two push blocks", classChange(classStorageBuffer, classPushConstant), "more than one push-constant block"},
		{"push offset", memberOffset(8), `push constant 1 "Factor" at byte 8 is no named uint or float at byte 4`},
		{"signed constant", set(opTypeInt, 2, 1), `specialization constant "WORKGROUP" has no id or is no uint`},
		{"vector push", swap(opTypeFloat, Op(20)), `push constant 1 "Factor" at byte 4 is no named uint`},
		{"constant's id", decorate(decorationSpecID, 0), `specialization constant "HALF_WIDTH": id 0 is unnamed or used twice`},
		{"no constant 0", decorate(decorationSpecID, 3), "is unnamed or used twice"},
		{"workgroup size", decorate(decorationBuiltIn, 26), "the workgroup size is not specialization constant 0"},
		{"names gone", swap(opName, 4999), "lacks a name"},
		{"member names gone", swap(opMemberName, 4999), `push constant 0 ""`},
		{"boolean constant", boolConstant, `specialization constant "HALF_WIDTH" is no uint`},
	}
	code := control(t, "exact")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := Parse(edited(t, code, test.edit))
			require.NoError(t, err)
			_, err = Reflect(m)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestReflectVersion(t *testing.T) {
	code := slices.Clone(control(t, "exact"))
	code[5]++
	code[6] = 1
	_, err := Reflect(parsed(t, code))
	assert.EqualError(t, err, "spirv: version 0x00010400, at most 0x00010300")
}

// TestReflectTooMany repeats declarations beyond the guaranteed limits.
func TestReflectTooMany(t *testing.T) {
	r := &Reflection{}
	for i := range uint32(maxBindings + 1) {
		r.Bindings = append(r.Bindings, Binding{Name: "B", Index: i})
	}
	assert.EqualError(t, r.check(&Module{}), "spirv: 5 storage buffers, at most 4")
	r = &Reflection{Push: make([]Field, maxPushBytes/4+1)}
	assert.EqualError(t, r.check(&Module{}), "spirv: push constants of 132 bytes, at most 128")
}

// decorate changes the value of a decoration wherever it is.
func decorate(decoration, value uint32) func(Instruction) Instruction {
	return func(in Instruction) Instruction {
		if in.Op == opDecorate && in.Operands[1] == decoration {
			in.Operands[2] = value
		}
		return in
	}
}

// memberOffset moves every second member of a block.
func memberOffset(value uint32) func(Instruction) Instruction {
	return func(in Instruction) Instruction {
		if in.Op == opMemberDecorate && in.Operands[1] == 1 && in.Operands[2] == decorationOffset {
			in.Operands[3] = value
		}
		return in
	}
}

// classChange moves variables from one storage class to another.
func classChange(from, to uint32) func(Instruction) Instruction {
	return func(in Instruction) Instruction {
		if in.Op == opVariable && in.Operands[2] == from {
			in.Operands[2] = to
		}
		return in
	}
}

// boolConstant makes the constant of 16 a boolean.
func boolConstant(in Instruction) Instruction {
	if in.Op == opSpecConstant && in.Operands[2] == 16 {
		return Instruction{Op: opSpecConstantTrue, Operands: in.Operands[:2]}
	}
	return in
}
