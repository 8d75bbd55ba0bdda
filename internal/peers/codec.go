package peers

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// ErrShape says that a codec cannot hold rows of a shape.
var ErrShape = errors.New("rows of this shape cannot be coded")

// ErrName says that there is no such codec.
var ErrName = errors.New("no such codec")

// Shape is what a codec must know of a model.
type Shape struct {
	KVHeads, HeadDim int
	// Mean writes the mean key of a layer, turned to a token's position, to dst
	// [KVHeads][HeadDim]: of q4_0-hadamard-mean alone.
	Mean func(layer, token int, dst []float32)
}

// row is the elements of a token's K or V in a layer.
func (s Shape) row() int { return s.KVHeads * s.HeadDim }

// Codec codes the rows of a layer.
type Codec struct {
	Name  string
	Bits  [2]float64 // of an element of K and of V, every header counted
	Codes float64    // bits of these that are the element's code
	Block int        // tokens that are coded together
	Sinks int        // first tokens of a text, which stay as they came
	code  [2]coder
}

// coder replaces rows of a layer, of tokens from the first one on, by what comes
// back.
type coder func(layer, first int, rows []float32)

// Code replaces rows [n][KV heads][D] of a kind and layer, of n tokens from the
// first one on, by what comes back. n must be whole blocks.
func (c *Codec) Code(k shaders.Kind, layer, first int, rows []float32) { c.code[k](layer, first, rows) }

// codecs makes each codec by its name.
var codecs = map[string]func(Shape) (*Codec, error){
	"q8_0":               func(s Shape) (*Codec, error) { return blocks(s, q8Bits, q8) },
	"q4_0":               func(s Shape) (*Codec, error) { return blocks(s, q4Bits, q4) },
	"q4_0-hadamard":      q4Hadamard,
	"q4_0-hadamard-mean": q4HadamardMean,
	"kivi-2":             func(s Shape) (*Codec, error) { return kivi(s, 2) },
	"kivi-3":             func(s Shape) (*Codec, error) { return kivi(s, 3) },
	"turbo-2":            func(s Shape) (*Codec, error) { return turbo(s, 2) },
	"turbo-3":            func(s Shape) (*Codec, error) { return turbo(s, 3) },
	"turbo-4":            func(s Shape) (*Codec, error) { return turbo(s, 4) },
}

// Names are the names of all codecs, in order.
func Names() []string { return slices.Sorted(maps.Keys(codecs)) }

// New makes a codec for rows of a shape. Errors wrap ErrName or ErrShape.
func New(name string, s Shape) (*Codec, error) {
	make, ok := codecs[name]
	if !ok {
		return nil, fmt.Errorf("peers: %q: must be one of %v: %w", name, Names(), ErrName)
	}
	c, err := make(s)
	if err != nil {
		return nil, fmt.Errorf("peers: %s: %w", name, err)
	}
	c.Name = name
	return c, nil
}

// whole wants a number of elements to be whole groups.
func whole(what string, elements, group int) error {
	if elements < 1 || elements%group != 0 {
		return fmt.Errorf("%s of %d elements: must be a multiple of %d: %w", what, elements, group, ErrShape)
	}
	return nil
}
