package spirv

// evaluator gives constants their values and types their sizes. It takes the
// instructions in order: SPIR-V declares everything before use.
type evaluator struct {
	*Module
	specialization map[uint32]uint32 // by SpecId
	values         map[uint32]uint32 // of 32-bit constants by id
	bytes          map[uint32]uint64 // of types by id, 0 or none: not known
}

// evaluator has no values yet. specialization is by SpecId.
func (m *Module) evaluator(specialization map[uint32]uint32) *evaluator {
	return &evaluator{m, specialization, map[uint32]uint32{}, map[uint32]uint64{}}
}

// take evaluates one instruction.
func (e *evaluator) take(in Instruction) {
	switch id, o := in.resultID(), in.Operands; in.Op {
	case opTypeBool:
		e.bytes[id] = 4
	case opTypeInt, opTypeFloat:
		e.bytes[id] = uint64(o[1]) / 8
	case opTypeVector:
		e.bytes[id] = e.bytes[o[1]] * uint64(o[2])
	case opTypeArray:
		e.bytes[id] = e.bytes[o[1]] * uint64(e.values[o[2]])
	case opTypeStruct:
		for _, part := range o[1:] {
			e.bytes[id] += e.bytes[part]
		}
	case opConstant, opSpecConstant:
		if len(o) == 3 {
			e.values[id] = e.specialized(id, o[2])
		}
	case opConstantTrue, opSpecConstantTrue:
		e.values[id] = e.specialized(id, 1)
	case opConstantFalse, opSpecConstantFalse:
		e.values[id] = e.specialized(id, 0)
	case opSpecConstantOp:
		e.operation(id, Op(o[2]), o[3:])
	}
}

// specialized is the value that a constant was given, otherwise its own.
func (e *evaluator) specialized(id, value uint32) uint32 {
	if specID, ok := e.decoration(member{id, whole}, decorationSpecID); ok {
		if given, ok := e.specialization[specID]; ok {
			return given
		}
	}
	return value
}

// pointee is the type that a pointer type points to, 0 if it is no pointer.
func (e *evaluator) pointee(pointer uint32) uint32 {
	if in := e.defined[pointer]; in.Op == opTypePointer {
		return in.Operands[2]
	}
	return 0
}

// operation evaluates an operation on constants; one that is not known here
// leaves its result without a value, which only matters if a size depends on it.
func (e *evaluator) operation(id uint32, op Op, args []uint32) {
	if op == opCompositeExtract {
		args = e.part(args)
	}
	v := [3]uint32{}
	for i, arg := range args[:min(len(args), len(v))] {
		value, ok := e.values[arg]
		if !ok {
			return
		}
		v[i] = value
	}
	if f, ok := constantOps[op]; ok && len(args) > 0 {
		e.values[id] = f(v[0], v[1], v[2])
	}
}

// part is the id of a part of a composite constant, none if there is no such.
func (e *evaluator) part(args []uint32) []uint32 {
	if len(args) != 2 {
		return nil
	}
	whole := e.defined[args[0]]
	if whole.Op != opConstantComposite && whole.Op != opSpecConstantComposite {
		return nil
	}
	if parts := whole.Operands[2:]; uint64(args[1]) < uint64(len(parts)) {
		return parts[args[1]:][:1]
	}
	return nil
}

// constantOps are the operations on 32-bit constants.
var constantOps = map[Op]func(a, b, c uint32) uint32{
	opCompositeExtract: func(a, _, _ uint32) uint32 { return a },

	128: func(a, b, _ uint32) uint32 { return a + b },         // OpIAdd
	130: func(a, b, _ uint32) uint32 { return a - b },         // OpISub
	132: func(a, b, _ uint32) uint32 { return a * b },         // OpIMul
	134: func(a, b, _ uint32) uint32 { return a / max(b, 1) }, // OpUDiv
	137: func(a, b, _ uint32) uint32 { return a % max(b, 1) }, // OpUMod
	164: func(a, b, _ uint32) uint32 { return bit(a == b) },   // OpLogicalEqual
	165: func(a, b, _ uint32) uint32 { return bit(a != b) },   // OpLogicalNotEqual
	166: func(a, b, _ uint32) uint32 { return a | b },         // OpLogicalOr
	167: func(a, b, _ uint32) uint32 { return a & b },         // OpLogicalAnd
	168: func(a, _, _ uint32) uint32 { return a ^ 1 },         // OpLogicalNot
	169: func(a, b, c uint32) uint32 { return a*b + (1-a)*c }, // OpSelect
	170: func(a, b, _ uint32) uint32 { return bit(a == b) },   // OpIEqual
	171: func(a, b, _ uint32) uint32 { return bit(a != b) },   // OpINotEqual
	172: func(a, b, _ uint32) uint32 { return bit(a > b) },    // OpUGreaterThan
	174: func(a, b, _ uint32) uint32 { return bit(a >= b) },   // OpUGreaterThanEqual
	176: func(a, b, _ uint32) uint32 { return bit(a < b) },    // OpULessThan
	178: func(a, b, _ uint32) uint32 { return bit(a <= b) },   // OpULessThanEqual
	194: func(a, b, _ uint32) uint32 { return a >> b },        // OpShiftRightLogical
	196: func(a, b, _ uint32) uint32 { return a << b },        // OpShiftLeftLogical
	197: func(a, b, _ uint32) uint32 { return a | b },         // OpBitwiseOr
	198: func(a, b, _ uint32) uint32 { return a ^ b },         // OpBitwiseXor
	199: func(a, b, _ uint32) uint32 { return a & b },         // OpBitwiseAnd
	200: func(a, _, _ uint32) uint32 { return ^a },            // OpNot
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}
