package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// kind is a metadata value type as numbered in files.
type kind uint32

const (
	kindUint8 kind = iota
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindFloat32
	kindBool
	kindString
	kindArray
	kindUint64
	kindInt64
	kindFloat64
)

// kinds are the names of the types and the bytes of one value, for strings and
// arrays the least.
var kinds = [...]struct {
	name  string
	bytes uint64
}{
	{"uint8", 1}, {"int8", 1}, {"uint16", 2}, {"int16", 2}, {"uint32", 4}, {"int32", 4}, {"float32", 4},
	{"bool", 1}, {"string", 8}, {"array", 12}, {"uint64", 8}, {"int64", 8}, {"float64", 8},
}

func (k kind) String() string { return kinds[k].name }

// maxDepth is how deep arrays may lie in arrays. Models have no nested ones.
const maxDepth = 4

// value is one metadata value.
type value struct {
	kind  kind
	elem  kind     // of an array's elements
	data  []byte   // number or bool, or an array of them
	text  string   // of a string, byte for byte
	texts []string // of an array of strings
}

func (c *cursor) kind() (kind, error) {
	n, err := c.u32()
	if err != nil {
		return 0, err
	}
	if n >= uint32(len(kinds)) {
		return 0, fmt.Errorf("value of type %d (known: 0 to %d): %w", n, len(kinds)-1, ErrFormat)
	}
	return kind(n), nil
}

// value reads a type and a value of it.
func (c *cursor) value() (v value, err error) {
	if v.kind, err = c.kind(); err != nil {
		return v, err
	}
	switch v.kind {
	case kindString:
		v.text, err = c.text(maxHeader)
	case kindArray:
		err = c.array(&v, 1)
	default:
		v.data, err = c.fixed(v.kind, 1)
	}
	return v, err
}

// array reads element type, count and elements of an array at a depth.
func (c *cursor) array(v *value, depth int) (err error) {
	if v.elem, err = c.kind(); err != nil {
		return err
	}
	n, err := c.u64()
	if err != nil {
		return err
	}
	if err := c.need(n, v.elem.least(), v.elem.String()+" elements of an array"); err != nil {
		return err
	}
	switch v.elem {
	case kindString:
		return c.texts(v, n)
	case kindArray:
		return c.nested(n, depth+1)
	}
	v.data, err = c.fixed(v.elem, n)
	return err
}

func (k kind) least() uint64 { return kinds[k].bytes }

func (c *cursor) texts(v *value, n uint64) error {
	v.texts = make([]string, n)
	for i := range v.texts {
		var err error
		if v.texts[i], err = c.text(maxHeader); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

// nested reads and drops arrays in an array: no key of a model has them.
func (c *cursor) nested(n uint64, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("arrays nested more than %d deep: %w", maxDepth, ErrFormat)
	}
	for i := range n {
		var dropped value
		if err := c.array(&dropped, depth); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

// fixed reads n numbers or truth values.
func (c *cursor) fixed(k kind, n uint64) ([]byte, error) {
	data, err := c.bytes(n*k.least(), "bytes of "+k.String())
	if k != kindBool || err != nil {
		return data, err
	}
	for _, b := range data {
		if b > 1 {
			return nil, fmt.Errorf("truth value %d, want 0 or 1: %w", b, ErrFormat)
		}
	}
	return data, nil
}

// number returns the i-th number of a value or an array of kind k.
func number(k kind, data []byte, i int) (float64, bool) {
	size := int(k.least())
	if k == kindBool || k == kindString || k == kindArray {
		return 0, false
	}
	b, le := data[i*size:(i+1)*size], binary.LittleEndian
	switch k {
	case kindUint8:
		return float64(b[0]), true
	case kindInt8:
		return float64(int8(b[0])), true
	case kindUint16:
		return float64(le.Uint16(b)), true
	case kindInt16:
		return float64(int16(le.Uint16(b))), true
	case kindUint32:
		return float64(le.Uint32(b)), true
	case kindInt32:
		return float64(int32(le.Uint32(b))), true
	case kindUint64:
		return float64(le.Uint64(b)), true
	case kindInt64:
		return float64(int64(le.Uint64(b))), true
	case kindFloat32:
		return float64(math.Float32frombits(le.Uint32(b))), true
	}
	return math.Float64frombits(le.Uint64(b)), true
}
