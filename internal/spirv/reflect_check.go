package spirv

import (
	"cmp"
	"fmt"
	"slices"
)

// Limits that every Vulkan 1.1 device offers.
const (
	maxPushBytes = 128
	maxBindings  = 4
	maxVersion   = 0x00010300
)

func (m *Module) checkEntry() error {
	count := 0
	for _, in := range m.Instructions {
		if in.Op != opEntryPoint {
			continue
		}
		count++
		name, err := literalString(in.Operands[2:])
		if err != nil {
			return fmt.Errorf("spirv: OpEntryPoint: %w", err)
		}
		if in.Operands[0] != modelGLCompute || name != "main" {
			return fmt.Errorf("spirv: entry point %q of execution model %d, want a GLCompute main", name, in.Operands[0])
		}
	}
	if count != 1 {
		return fmt.Errorf("spirv: %d entry points, want 1", count)
	}
	return nil
}

// check sorts the declarations and checks them as a whole.
func (r *Reflection) check(m *Module) error {
	slices.SortFunc(r.Bindings, func(a, b Binding) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(r.Constants, func(a, b Constant) int { return cmp.Compare(a.ID, b.ID) })
	for i, b := range r.Bindings {
		if b.Index != uint32(i) {
			return fmt.Errorf("spirv: buffer %q has binding %d, want %d", b.Name, b.Index, i)
		}
	}
	if len(r.Bindings) > maxBindings {
		return fmt.Errorf("spirv: %d storage buffers, at most %d", len(r.Bindings), maxBindings)
	}
	if r.PushSize() > maxPushBytes {
		return fmt.Errorf("spirv: push constants of %d bytes, at most %d", r.PushSize(), maxPushBytes)
	}
	for i, c := range r.Constants {
		if c.Name == "" || i > 0 && c.ID == r.Constants[i-1].ID {
			return fmt.Errorf("spirv: specialization constant %q: id %d is unnamed or used twice", c.Name, c.ID)
		}
	}
	return r.checkWorkgroup(m)
}

// checkWorkgroup demands local_size_x_id = 0 and a constant WORKGROUP of id 0.
// glslang gives the workgroup size a nameless constant of the same id.
func (r *Reflection) checkWorkgroup(m *Module) error {
	if len(r.Constants) == 0 || r.Constants[0].ID != 0 || r.Constants[0].Name != "WORKGROUP" {
		return fmt.Errorf("spirv: no specialization constant WORKGROUP of id 0")
	}
	for id, in := range m.defined {
		builtIn, ok := m.decoration(member{id, whole}, decorationBuiltIn)
		if !ok || builtIn != builtInWorkgroupSize || in.Op != opSpecConstantComposite || len(in.Operands) < 3 {
			continue
		}
		if spec, ok := m.decoration(member{in.Operands[2], whole}, decorationSpecID); ok && spec == 0 {
			return nil
		}
	}
	return fmt.Errorf("spirv: the workgroup size is not specialization constant 0")
}
