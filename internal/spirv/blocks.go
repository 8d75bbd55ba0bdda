package spirv

import "fmt"

// function is a function of a module: blocks are empty for a declaration.
type function struct {
	id     uint32
	head   []Instruction // OpFunction and its parameters
	blocks []*block
	end    Instruction
}

// block is instructions from a label to a branch or return.
type block struct {
	label        uint32
	instructions []Instruction
}

// last is the branch or return that ends the block.
func (b *block) last() Instruction { return b.instructions[len(b.instructions)-1] }

// merge is the block's merge instruction, which stands before its last one.
func (b *block) merge() (Instruction, bool) {
	if n := len(b.instructions); n > 1 {
		in := b.instructions[n-2]
		return in, in.Op == opLoopMerge || in.Op == opSelectionMerge
	}
	return Instruction{}, false
}

// functions are the functions of the module, and declarations all before them.
func (m *Module) functions() (declarations []Instruction, all []*function, err error) {
	var f *function
	var b *block
	for _, in := range m.Instructions {
		switch {
		case in.Op == opFunction && f == nil:
			f = &function{id: in.resultID(), head: []Instruction{in}}
		case f == nil && len(all) == 0:
			declarations = append(declarations, in)
		case f == nil || in.Op == opFunction || in.Op == opLabel && b != nil:
			return nil, nil, fmt.Errorf("spirv: word %d: %s out of place", in.Offset, in.Op)
		case in.Op == opFunctionEnd && b == nil:
			f.end = in
			all, f = append(all, f), nil
		case in.Op == opLabel:
			b = &block{in.resultID(), []Instruction{in}}
			f.blocks = append(f.blocks, b)
		case b == nil && len(f.blocks) == 0:
			f.head = append(f.head, in)
		case b == nil:
			return nil, nil, fmt.Errorf("spirv: word %d: %s outside of a block", in.Offset, in.Op)
		default:
			b.instructions = append(b.instructions, in)
			if endsBlock[in.Op] {
				b = nil
			}
		}
	}
	if f != nil {
		return nil, nil, fmt.Errorf("spirv: function %%%d does not end", f.id)
	}
	return declarations, all, nil
}

var endsBlock = map[Op]bool{opBranch: true, opBranchConditional: true, opSwitch: true, 252: true /* OpKill */, 253: true, 254: true, opUnreachable: true}

// branches are the labels that an instruction at the end of a block may go on at.
func branches(in Instruction) []uint32 {
	switch in.Op {
	case opBranch:
		return in.Operands[:1]
	case opBranchConditional:
		return in.Operands[1:3]
	case opSwitch: // of 32 bits: the default, then pairs of a literal and a label
		out := []uint32{in.Operands[1]}
		for i := 3; i < len(in.Operands); i += 2 {
			out = append(out, in.Operands[i])
		}
		return out
	}
	return nil
}
