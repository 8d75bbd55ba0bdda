// Package spirv reads SPIR-V modules: Parse splits a module into instructions,
// Reflect finds what a kernel declares, Requirements what it needs of a device,
// Lint enforces the numeric contract. Prune and WithFloatModes are the changes that
// are made to a module. Malformed modules give errors.
package spirv

import (
	"encoding/binary"
	"fmt"
)

const (
	magic       = 0x07230203
	headerWords = 5
	maxBound    = 4194303 // universal limit of SPIR-V on the bound of ids
)

// Op is an opcode.
type Op uint16

// String is the name of the opcode, Op<number> if it is unknown here.
func (op Op) String() string {
	if info, ok := opTable[op]; ok {
		return info.name
	}
	return fmt.Sprintf("Op%d", uint16(op))
}

// Instruction is one instruction of a module.
type Instruction struct {
	Op       Op
	Operands []uint32 // the words behind the first
	Offset   int      // words from the start of the module
}

// typeID is the id of the result's type, 0 if the instruction has none.
func (in Instruction) typeID() uint32 {
	if opTable[in.Op].shape == typed {
		return in.Operands[0]
	}
	return 0
}

// resultID is the id of the result, 0 if the instruction has none.
func (in Instruction) resultID() uint32 {
	switch opTable[in.Op].shape {
	case typed:
		return in.Operands[1]
	case result:
		return in.Operands[0]
	}
	return 0
}

// Module is a parsed module.
type Module struct {
	Version      uint32 // 0x00010300 is 1.3
	Instructions []Instruction

	words       []uint32 // all of them, the header included
	names       map[uint32]string
	memberNames map[member]string
	decorations map[member]map[uint32]uint32 // decoration to its first literal
	defined     map[uint32]Instruction       // by result id
}

// member is a member of a struct type, or an id itself (index whole).
type member struct {
	id    uint32
	index uint32
}

const whole = ^uint32(0)

// Parse reads a little-endian module.
func Parse(code []byte) (*Module, error) {
	if len(code)%4 != 0 || len(code) < 4*headerWords {
		return nil, fmt.Errorf("spirv: %d bytes are no module", len(code))
	}
	words := make([]uint32, len(code)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(code[4*i:])
	}
	return parse(words)
}

// parse reads the words of a module.
func parse(words []uint32) (*Module, error) {
	if words[0] != magic {
		return nil, fmt.Errorf("spirv: magic number %#08x, want %#08x", words[0], magic)
	}
	if words[3] > maxBound {
		return nil, fmt.Errorf("spirv: id bound %d, at most %d", words[3], maxBound)
	}
	m := &Module{Version: words[1], words: words}
	if err := m.split(words); err != nil {
		return nil, err
	}
	return m, m.index(words[3])
}

// split cuts words into instructions and checks their lengths.
func (m *Module) split(words []uint32) error {
	for at := headerWords; at < len(words); {
		op, count := Op(words[at]&0xffff), int(words[at]>>16)
		if count == 0 || count > len(words)-at {
			return fmt.Errorf("spirv: word %d: %s of %d words, %d are left", at, op, count, len(words)-at)
		}
		if least := opTable[op].words(); count < least {
			return fmt.Errorf("spirv: word %d: %s of %d words, want %d", at, op, count, least)
		}
		m.Instructions = append(m.Instructions, Instruction{op, words[at+1 : at+count], at})
		at += count
	}
	return nil
}
