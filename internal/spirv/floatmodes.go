package spirv

import "slices"

// FloatMode is an execution mode for floats of one width, of
// SPV_KHR_float_controls.
type FloatMode struct{ capability, mode uint32 }

var (
	DenormPreserve  = FloatMode{4464, 4459}
	RoundingModeRTE = FloatMode{4467, 4462} // to nearest even
)

const floatControls = "SPV_KHR_float_controls"

// FloatWidths are the widths in bits of the float types that the module
// declares.
func (m *Module) FloatWidths() []uint32 {
	var widths []uint32
	for _, in := range m.Instructions {
		if in.Op == opTypeFloat {
			widths = append(widths, in.Operands[1])
		}
	}
	return widths
}

// WithFloatModes returns the words of the module with its entry points in the
// modes for f32: capabilities, extension and execution modes are inserted, the
// rest stays as it is. Without modes these are the module's own words.
func (m *Module) WithFloatModes(modes ...FloatMode) []uint32 {
	var head, tail []uint32
	for _, mode := range modes {
		head = instruction(head, opCapability, mode.capability)
		for _, id := range m.entryPoints() {
			tail = instruction(tail, opExecutionMode, id, mode.mode, 32)
		}
	}
	if len(tail) == 0 {
		return m.words
	}
	head = instruction(head, opExtension, literal(floatControls)...)
	capabilities := m.behind(opCapability)
	entries := max(capabilities, m.behind(opEntryPoint)) // behind them in every valid module
	return slices.Concat(m.words[:capabilities], head, m.words[capabilities:entries], tail, m.words[entries:])
}

// behind is the word behind the last instruction of an opcode, or behind the
// header.
func (m *Module) behind(op Op) int {
	for _, in := range slices.Backward(m.Instructions) {
		if in.Op == op {
			return in.Offset + 1 + len(in.Operands)
		}
	}
	return headerWords
}

// instruction appends an instruction to words.
func instruction(words []uint32, op Op, operands ...uint32) []uint32 {
	return append(append(words, uint32(1+len(operands))<<16|uint32(op)), operands...)
}
