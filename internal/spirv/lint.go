package spirv

import "fmt"

// Finding is a breach of the numeric contract: something in a module whose
// result Vulkan does not fix to the bit, or that not every device has.
type Finding struct {
	Op       string // name of the opcode, of the extended instruction too
	ID       uint32 // the result, 0 if there is none
	Name     string // name of the result or of the variable that takes it, "" if neither has one
	Function string // name of the enclosing function, "" outside
	Offset   int    // words from the start of the module
	Reason   string
}

// String is one line.
func (f Finding) String() string {
	line := fmt.Sprintf("word %d: %s", f.Offset, f.Op)
	if f.ID != 0 {
		line += fmt.Sprintf(" %%%d", f.ID)
	}
	if f.Name != "" {
		line += fmt.Sprintf(" %q", f.Name)
	}
	if f.Function != "" {
		line += " in " + f.Function
	}
	return line + ": " + f.Reason
}

// Lint returns all breaches of the numeric contract (doc.go of shaders) in
// the order of the module, none if it keeps the contract.
func Lint(m *Module) []Finding {
	var found []Finding
	function := ""
	for i, in := range m.Instructions {
		if in.Op == opFunction {
			function = m.names[in.resultID()]
		}
		reason := m.breach(in)
		if reason == "" {
			continue
		}
		found = append(found, Finding{m.opName(in), in.resultID(), m.valueName(i), function, in.Offset, reason})
	}
	return found
}

// valueName is the name of the result of instruction i, or that of the first
// variable that it is stored in: glslang names variables only.
func (m *Module) valueName(i int) string {
	id := m.Instructions[i].resultID()
	if name := m.names[id]; id == 0 || name != "" {
		return name
	}
	for _, in := range m.Instructions[i:] {
		if in.Op == opStore && in.Operands[1] == id {
			return m.names[in.Operands[0]]
		}
	}
	return ""
}

// breach says why an instruction is not allowed, "" if it is.
func (m *Module) breach(in Instruction) string {
	switch in.Op {
	case opCapability:
		return unless(allowedCapabilities[in.Operands[0]], "capability %d is not on the list", in.Operands[0])
	case opExtension, opExtInstImport:
		return extensionBreach(in)
	case opExecutionMode:
		return unless(in.Operands[1] == modeLocalSize, "execution mode %d is not on the list", in.Operands[1])
	case opDecorate:
		return unless(allowedDecorations[in.Operands[1]], "decoration %d is not on the list", in.Operands[1])
	case opMemberDecorate:
		return unless(allowedDecorations[in.Operands[2]], "decoration %d is not on the list", in.Operands[2])
	case opTypeFloat:
		return unless(in.Operands[1] == 32, "floats of %d bits", in.Operands[1])
	case opExtInst:
		return m.extInstBreach(in)
	case opSpecConstantOp:
		return specOpBreach(Op(in.Operands[2]))
	}
	return m.operationBreach(in)
}

// operationBreach decides on the instructions that compute.
func (m *Module) operationBreach(in Instruction) string {
	if _, ok := preciseOps[in.Op]; ok {
		_, exact := m.decoration(member{in.resultID(), whole}, decorationNoContraction)
		return unless(exact, "lacks NoContraction: mark it precise")
	}
	if _, ok := atomicOps[in.Op]; ok {
		return unless(m.atomicType(in).Op == opTypeInt, "atomic on another type than an integer")
	}
	return unless(freelyAllowed(in.Op), "not on the list of exact operations")
}

// atomicType is the type that an atomic works on.
func (m *Module) atomicType(in Instruction) Instruction {
	if in.Op == opAtomicStore {
		return m.defined[m.typeOf(in.Operands[3])]
	}
	return m.defined[in.typeID()]
}

// freelyAllowed says whether every use of an opcode keeps the contract.
func freelyAllowed(op Op) bool {
	for _, table := range []map[Op]opInfo{declarationOps, flowOps, moveOps, integerOps, groupOps} {
		if _, ok := table[op]; ok {
			return true
		}
	}
	return false
}

// specOpBreach decides on an operation among specialization constants, which
// a decoration cannot make precise.
func specOpBreach(op Op) string {
	_, integer := integerOps[op]
	_, move := moveOps[op]
	return unless(integer || move, "%s among specialization constants", op)
}

func extensionBreach(in Instruction) string {
	text := in.Operands
	if in.Op == opExtInstImport {
		text = text[1:]
	}
	name, err := literalString(text)
	if err != nil {
		return err.Error()
	}
	return unless(allowedExtensions[name], "%s is not on the list", name)
}

func (m *Module) extInstBreach(in Instruction) string {
	return unless(integerExtInsts[in.Operands[3]], "not on the list of exact operations")
}

// opName names an extended instruction behind its opcode.
func (m *Module) opName(in Instruction) string {
	if in.Op != opExtInst {
		return in.Op.String()
	}
	number := in.Operands[3]
	if name, ok := floatExtInsts[number]; ok {
		return "OpExtInst " + name
	}
	return fmt.Sprintf("OpExtInst %d", number)
}

func unless(ok bool, format string, args ...any) string {
	if ok {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
