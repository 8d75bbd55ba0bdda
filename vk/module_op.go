package vk

import (
	"encoding/binary"
	"fmt"
)

// moduleWords are the words of a module.
func moduleWords(code []byte) []uint32 {
	words := make([]uint32, len(code)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(code[4*i:])
	}
	return words
}

// eachInstruction visits the instructions of a module in order: word at which
// one starts, opcode, operands. It stops at the first error.
func eachInstruction(words []uint32, visit func(at int, op uint32, args []uint32) error) error {
	for at := 5; at < len(words); {
		n := int(words[at] >> 16)
		if n == 0 || at+n > len(words) {
			return fmt.Errorf("SPIR-V instruction at word %d is cut off", at)
		}
		if err := visit(at, words[at]&0xffff, words[at+1:at+n]); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// specOp evaluates an operation on specialization constants; one that is not
// known here leaves its result without a value, which only matters if a size
// depends on it.
func (m *moduleReader) specOp(id, op uint32, args []uint32) {
	const compositeExtract = 81
	if op == compositeExtract && len(args) == 2 {
		if parts := m.composites[args[0]]; int(args[1]) < len(parts) {
			m.copyValue(id, parts[args[1]])
		}
		return
	}
	v := make([]uint32, 3)
	for i, arg := range args[:min(len(args), 3)] {
		value, ok := m.values[arg]
		if !ok {
			return
		}
		v[i] = value
	}
	if f, ok := specOps[op]; ok {
		m.values[id] = f(v[0], v[1], v[2])
	}
}

func (m *moduleReader) copyValue(to, from uint32) {
	if v, ok := m.values[from]; ok {
		m.values[to] = v
	}
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// specOps are the 32-bit operations by their SPIR-V number.
var specOps = map[uint32]func(a, b, c uint32) uint32{
	128: func(a, b, _ uint32) uint32 { return a + b },
	130: func(a, b, _ uint32) uint32 { return a - b },
	132: func(a, b, _ uint32) uint32 { return a * b },
	134: func(a, b, _ uint32) uint32 { return a / max(b, 1) },
	137: func(a, b, _ uint32) uint32 { return a % max(b, 1) },
	164: func(a, b, _ uint32) uint32 { return bit(a == b) },
	165: func(a, b, _ uint32) uint32 { return bit(a != b) },
	166: func(a, b, _ uint32) uint32 { return a | b },
	167: func(a, b, _ uint32) uint32 { return a & b },
	168: func(a, _, _ uint32) uint32 { return a ^ 1 },
	169: func(a, b, c uint32) uint32 { return a*b + (1-a)*c },
	170: func(a, b, _ uint32) uint32 { return bit(a == b) },
	171: func(a, b, _ uint32) uint32 { return bit(a != b) },
	172: func(a, b, _ uint32) uint32 { return bit(a > b) },
	174: func(a, b, _ uint32) uint32 { return bit(a >= b) },
	176: func(a, b, _ uint32) uint32 { return bit(a < b) },
	178: func(a, b, _ uint32) uint32 { return bit(a <= b) },
	194: func(a, b, _ uint32) uint32 { return a >> b },
	196: func(a, b, _ uint32) uint32 { return a << b },
	197: func(a, b, _ uint32) uint32 { return a | b },
	198: func(a, b, _ uint32) uint32 { return a ^ b },
	199: func(a, b, _ uint32) uint32 { return a & b },
	200: func(a, _, _ uint32) uint32 { return ^a },
}
