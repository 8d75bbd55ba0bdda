package spirv

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// index collects names, decorations and definitions.
func (m *Module) index(bound uint32) error {
	m.names = map[uint32]string{}
	m.memberNames = map[member]string{}
	m.decorations = map[member]map[uint32]uint32{}
	m.defined = map[uint32]Instruction{}
	for _, in := range m.Instructions {
		if err := m.define(in, bound); err != nil {
			return err
		}
		if err := m.annotate(in); err != nil {
			return fmt.Errorf("spirv: word %d: %s: %w", in.Offset, in.Op, err)
		}
	}
	return nil
}

func (m *Module) define(in Instruction, bound uint32) error {
	if opTable[in.Op].shape == plain {
		return nil
	}
	id := in.resultID()
	if id == 0 || id >= bound {
		return fmt.Errorf("spirv: word %d: %s: id %d out of bound %d", in.Offset, in.Op, id, bound)
	}
	if _, ok := m.defined[id]; ok {
		return fmt.Errorf("spirv: word %d: %s: id %d is defined twice", in.Offset, in.Op, id)
	}
	m.defined[id] = in
	return nil
}

func (m *Module) annotate(in Instruction) (err error) {
	switch o := in.Operands; in.Op {
	case opName:
		m.names[o[0]], err = literalString(o[1:])
	case opMemberName:
		m.memberNames[member{o[0], o[1]}], err = literalString(o[2:])
	case opDecorate:
		err = m.decorate(member{o[0], whole}, o[1:])
	case opMemberDecorate:
		err = m.decorate(member{o[0], o[1]}, o[2:])
	}
	return err
}

func (m *Module) decorate(target member, words []uint32) error {
	decoration, literal := words[0], uint32(0)
	if len(words) > 1 {
		literal = words[1]
	} else if decorationTakesLiteral[decoration] {
		return fmt.Errorf("decoration %d lacks its value", decoration)
	}
	if m.decorations[target] == nil {
		m.decorations[target] = map[uint32]uint32{}
	}
	m.decorations[target][decoration] = literal
	return nil
}

// decoration returns the literal of a decoration and whether target has it.
func (m *Module) decoration(target member, decoration uint32) (uint32, bool) {
	literal, ok := m.decorations[target][decoration]
	return literal, ok
}

// entryPoints are the ids of the functions that a device may begin at.
func (m *Module) entryPoints() (ids []uint32) {
	for _, in := range m.Instructions {
		if in.Op == opEntryPoint {
			ids = append(ids, in.Operands[1])
		}
	}
	return ids
}

// typeOf is the id of the type of a value, 0 if it has none.
func (m *Module) typeOf(value uint32) uint32 { return m.defined[value].typeID() }

// literal is the words of a string with its end.
func literal(text string) []uint32 {
	words := make([]uint32, len(text)/4+1)
	for i := range len(text) {
		words[i/4] |= uint32(text[i]) << (8 * (i % 4))
	}
	return words
}

// literalString reads a string that ends with a zero byte.
func literalString(words []uint32) (string, error) {
	text := make([]byte, 0, 4*len(words))
	for _, w := range words {
		text = binary.LittleEndian.AppendUint32(text, w)
	}
	end := bytes.IndexByte(text, 0)
	if end < 0 {
		return "", fmt.Errorf("string without end")
	}
	return string(text[:end]), nil
}
