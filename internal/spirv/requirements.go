package spirv

import "fmt"

// Requirements is what a kernel needs of a device once its specialization
// constants have values.
type Requirements struct {
	Workgroup    [3]uint32 // invocations
	SharedBytes  uint64    // of a workgroup
	Capabilities []uint32
}

// Requirements finds what the module needs under a specialization, values by
// SpecId. It fails if the workgroup or a shared variable has a size that
// depends on more than constants.
func (m *Module) Requirements(specialization map[uint32]uint32) (Requirements, error) {
	e := m.evaluator(specialization)
	r := Requirements{}
	var size []uint32 // ids, where the workgroup is given by constants
	for _, in := range m.Instructions {
		e.take(in)
		switch o := in.Operands; {
		case in.Op == opCapability:
			r.Capabilities = append(r.Capabilities, o[0])
		case in.Op == opExecutionMode && o[1] == modeLocalSize && len(o) == 5:
			r.Workgroup = [3]uint32(o[2:])
		case in.Op == opExecutionModeID && o[1] == modeLocalSizeID && len(o) == 5:
			size = o[2:]
		case m.isWorkgroupSize(in):
			size = in.Operands[2:]
		case in.Op == opVariable && o[2] == classWorkgroup:
			bytes := e.bytes[e.pointee(in.typeID())]
			if bytes == 0 {
				return r, fmt.Errorf("spirv: shared variable %%%d has a size that depends on more than constants", in.resultID())
			}
			r.SharedBytes += bytes
		}
	}
	return r, e.workgroup(size, &r)
}

// isWorkgroupSize says whether an instruction is the constant that takes the
// place of LocalSize.
func (m *Module) isWorkgroupSize(in Instruction) bool {
	if in.Op != opConstantComposite && in.Op != opSpecConstantComposite || len(in.Operands) != 5 {
		return false
	}
	builtIn, ok := m.decoration(member{in.resultID(), whole}, decorationBuiltIn)
	return ok && builtIn == builtInWorkgroupSize
}

// workgroup sets the size that is given by the ids of constants.
func (e *evaluator) workgroup(size []uint32, r *Requirements) error {
	for i, id := range size {
		value, ok := e.values[id]
		if !ok {
			return fmt.Errorf("spirv: workgroup size %%%d is no constant", id)
		}
		r.Workgroup[i] = value
	}
	return nil
}
