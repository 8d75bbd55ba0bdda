package spirv

import "fmt"

// Binding is a storage buffer: the name of its block and its access.
type Binding struct {
	Name                string
	Index               uint32
	ReadOnly, WriteOnly bool
}

// Field is a push-constant field of 32 bits.
type Field struct {
	Name   string
	Offset uint32 // bytes
	Float  bool
}

// Constant is a specialization constant of type uint.
type Constant struct {
	Name        string
	ID, Default uint32
}

// Reflection is what a kernel declares, in order of index, offset and id.
type Reflection struct {
	Bindings  []Binding
	Push      []Field
	Constants []Constant
}

// PushSize is the bytes of the push constants.
func (r *Reflection) PushSize() uint32 { return uint32(4 * len(r.Push)) }

// Reflect reads the declarations of a compute kernel. It fails on what the
// project's kernels may not have: a SPIR-V version above Vulkan 1.1's 1.3,
// another entry point than one GLCompute main, resources that are no storage
// buffers of set 0 with bindings 0 to n-1 (n at most 4), push constants that
// are not 32-bit fields without gaps (at most 128 bytes), specialization
// constants that are no named uint, or a workgroup size that is not constant 0,
// WORKGROUP.
func Reflect(m *Module) (*Reflection, error) {
	r := &Reflection{}
	if m.Version > maxVersion {
		return nil, fmt.Errorf("spirv: version %#08x, at most %#08x", m.Version, maxVersion)
	}
	if err := m.checkEntry(); err != nil {
		return nil, err
	}
	for _, in := range m.Instructions {
		if err := r.add(m, in); err != nil {
			return nil, err
		}
	}
	if err := r.check(m); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Reflection) add(m *Module, in Instruction) error {
	switch in.Op {
	case opVariable:
		return r.addVariable(m, in)
	case opSpecConstant:
		return r.addConstant(m, in)
	case opSpecConstantTrue, opSpecConstantFalse:
		return fmt.Errorf("spirv: specialization constant %q is no uint", m.names[in.resultID()])
	}
	return nil
}

func (r *Reflection) addVariable(m *Module, in Instruction) error {
	switch class := in.Operands[2]; class {
	case classStorageBuffer, classPushConstant:
		pointer := m.defined[in.typeID()]
		if pointer.Op != opTypePointer || m.defined[pointer.Operands[2]].Op != opTypeStruct {
			return fmt.Errorf("spirv: variable %d is no block", in.resultID())
		}
		block := m.defined[pointer.Operands[2]]
		if class == classPushConstant {
			return r.addPush(m, block)
		}
		return r.addBinding(m, in.resultID(), block)
	case classInput, classWorkgroup, classPrivate, classFunction:
		return nil
	default:
		return fmt.Errorf("spirv: variable %q of storage class %d, which no kernel may have", m.names[in.resultID()], class)
	}
}

func (r *Reflection) addBinding(m *Module, id uint32, block Instruction) error {
	name := m.names[block.resultID()]
	set, hasSet := m.decoration(member{id, whole}, decorationDescriptorSet)
	index, hasIndex := m.decoration(member{id, whole}, decorationBinding)
	if !hasSet || !hasIndex || set != 0 || name == "" {
		return fmt.Errorf("spirv: buffer %q lacks a name, a binding or set 0", name)
	}
	b := Binding{Name: name, Index: index}
	b.ReadOnly = m.everyMember(id, block, decorationNonWritable)
	b.WriteOnly = m.everyMember(id, block, decorationNonReadable)
	r.Bindings = append(r.Bindings, b)
	return nil
}

// everyMember says whether a variable or all members of its block have a
// decoration.
func (m *Module) everyMember(id uint32, block Instruction, decoration uint32) bool {
	if _, ok := m.decoration(member{id, whole}, decoration); ok {
		return true
	}
	members := block.Operands[1:]
	for i := range members {
		if _, ok := m.decoration(member{block.resultID(), uint32(i)}, decoration); !ok {
			return false
		}
	}
	return len(members) > 0
}

func (r *Reflection) addPush(m *Module, block Instruction) error {
	if len(r.Push) > 0 {
		return fmt.Errorf("spirv: more than one push-constant block")
	}
	for i, id := range block.Operands[1:] {
		at := member{block.resultID(), uint32(i)}
		t, name := m.defined[id], m.memberNames[at]
		offset, _ := m.decoration(at, decorationOffset)
		if name == "" || !isUint(t) && !isFloat(t) || offset != uint32(4*i) {
			return fmt.Errorf("spirv: push constant %d %q at byte %d is no named uint or float at byte %d", i, name, offset, 4*i)
		}
		r.Push = append(r.Push, Field{Name: name, Offset: offset, Float: isFloat(t)})
	}
	return nil
}

func (r *Reflection) addConstant(m *Module, in Instruction) error {
	name := m.names[in.resultID()]
	id, ok := m.decoration(member{in.resultID(), whole}, decorationSpecID)
	if !ok || !isUint(m.defined[in.typeID()]) {
		return fmt.Errorf("spirv: specialization constant %q has no id or is no uint", name)
	}
	if name == "" && id == 0 {
		return nil // glslang's own copy of WORKGROUP, see checkWorkgroup
	}
	r.Constants = append(r.Constants, Constant{Name: name, ID: id, Default: in.Operands[2]})
	return nil
}

func isUint(t Instruction) bool {
	return t.Op == opTypeInt && t.Operands[1] == 32 && t.Operands[2] == 0
}

func isFloat(t Instruction) bool { return t.Op == opTypeFloat && t.Operands[1] == 32 }
