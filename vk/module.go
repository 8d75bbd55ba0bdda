package vk

import (
	"encoding/binary"
	"fmt"
)

// moduleNeeds is what a SPIR-V module needs of a device once its
// specialization constants have values.
type moduleNeeds struct {
	size         [3]uint32 // workgroup
	sharedBytes  uint64
	capabilities []uint32
}

// SPIR-V numbers used here, as the specification names them.
const (
	opExecutionMode     = 16
	opCapability        = 17
	opTypeBool          = 20
	opTypeInt           = 21
	opTypeFloat         = 22
	opTypeVector        = 23
	opTypeArray         = 28
	opTypeStruct        = 30
	opTypePointer       = 32
	opConstantTrue      = 41
	opConstantFalse     = 42
	opConstant          = 43
	opConstantComposite = 44
	opSpecTrue          = 48
	opSpecFalse         = 49
	opSpecConstant      = 50
	opSpecComposite     = 51
	opSpecOp            = 52
	opVariable          = 59
	opDecorate          = 71
	opExecutionModeID   = 331
	modeLocalSize       = 17
	modeLocalSizeID     = 38
	decorationSpecID    = 1
	decorationBuiltIn   = 11
	builtInWorkgroup    = 25
	storageWorkgroup    = 4
)

// moduleReader gathers ids while it walks through a module once: SPIR-V
// declares everything before use.
type moduleReader struct {
	spec       map[uint32]uint32 // specialization by SpecId
	specIDs    map[uint32]uint32 // SpecId by id
	values     map[uint32]uint32
	composites map[uint32][]uint32 // ids of the parts
	bytes      map[uint32]uint64   // sizes of types
	pointees   map[uint32]uint32
	local      [3]uint32
	localIDs   []uint32 // of LocalSizeId or of the WorkgroupSize built-in
	builtIn    uint32
	needs      moduleNeeds
}

// readModule finds the needs of code under a specialization by SpecId.
func readModule(code []byte, spec map[uint32]uint32) (moduleNeeds, error) {
	if len(code) < 20 || len(code)%4 != 0 || binary.LittleEndian.Uint32(code) != 0x07230203 {
		return moduleNeeds{}, fmt.Errorf("%d bytes are no SPIR-V module", len(code))
	}
	m := &moduleReader{spec: spec, specIDs: map[uint32]uint32{}, values: map[uint32]uint32{},
		composites: map[uint32][]uint32{}, bytes: map[uint32]uint64{}, pointees: map[uint32]uint32{}}
	err := eachInstruction(moduleWords(code), func(_ int, op uint32, args []uint32) error {
		padded := make([]uint32, max(len(args), 4)) // short instructions read as zeros
		copy(padded, args)
		return m.instruction(op, padded, len(args))
	})
	if err != nil {
		return moduleNeeds{}, err
	}
	return m.finish()
}

// instruction takes in one instruction; a has at least 4 words, n are real.
func (m *moduleReader) instruction(op uint32, a []uint32, n int) error {
	switch op {
	case opCapability:
		m.needs.capabilities = append(m.needs.capabilities, a[0])
	case opExecutionMode:
		if a[1] == modeLocalSize && n == 5 {
			m.local = [3]uint32{a[2], a[3], a[4]}
		}
	case opExecutionModeID:
		if a[1] == modeLocalSizeID && n == 5 {
			m.localIDs = a[2:5]
		}
	case opDecorate:
		m.decorate(a)
	case opTypeBool, opTypeInt, opTypeFloat, opTypeVector, opTypeArray, opTypeStruct, opTypePointer:
		return m.declareType(op, a, n)
	case opConstantTrue, opConstantFalse, opConstant, opSpecTrue, opSpecFalse, opSpecConstant:
		m.constant(op, a)
	case opConstantComposite, opSpecComposite:
		m.composites[a[1]] = a[2:n]
	case opSpecOp:
		if n > 3 {
			m.specOp(a[1], a[2], a[3:n])
		}
	case opVariable:
		return m.variable(a)
	}
	return nil
}

func (m *moduleReader) decorate(a []uint32) {
	switch {
	case a[1] == decorationSpecID:
		m.specIDs[a[0]] = a[2]
	case a[1] == decorationBuiltIn && a[2] == builtInWorkgroup:
		m.builtIn = a[0]
	}
}

func (m *moduleReader) declareType(op uint32, a []uint32, n int) error {
	switch op {
	case opTypeBool:
		m.bytes[a[0]] = 4
	case opTypeInt, opTypeFloat:
		m.bytes[a[0]] = uint64(a[1]) / 8
	case opTypeVector:
		m.bytes[a[0]] = m.bytes[a[1]] * uint64(a[2])
	case opTypeArray:
		if length, ok := m.values[a[2]]; ok {
			m.bytes[a[0]] = m.bytes[a[1]] * uint64(length)
		}
	case opTypeStruct:
		for _, member := range a[1:n] {
			m.bytes[a[0]] += m.bytes[member]
		}
	case opTypePointer:
		m.pointees[a[0]] = a[2]
	}
	return nil
}

func (m *moduleReader) constant(op uint32, a []uint32) {
	value := a[2]
	if op == opConstantTrue || op == opSpecTrue {
		value = 1
	}
	if id, ok := m.specIDs[a[1]]; ok {
		if v, given := m.spec[id]; given {
			value = v
		}
	}
	m.values[a[1]] = value
}

func (m *moduleReader) variable(a []uint32) error {
	if a[2] != storageWorkgroup {
		return nil
	}
	size := m.bytes[m.pointees[a[0]]]
	if size == 0 {
		return fmt.Errorf("shared variable %%%d has a size that depends on more than constants", a[1])
	}
	m.needs.sharedBytes += size
	return nil
}

func (m *moduleReader) finish() (moduleNeeds, error) {
	m.needs.size = m.local
	ids := m.localIDs
	if parts := m.composites[m.builtIn]; m.builtIn != 0 && len(parts) == 3 {
		ids = parts
	}
	for i, id := range ids {
		value, ok := m.values[id]
		if !ok {
			return moduleNeeds{}, fmt.Errorf("workgroup size %%%d is no constant", id)
		}
		m.needs.size[i] = value
	}
	return m.needs, nil
}
