package reference

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/nlpodyssey/safetensors"
)

// parse reads a vector from the bytes of its file.
func parse(data []byte) (*Case, error) {
	tensors, err := safetensors.Deserialize(data)
	if err != nil {
		return nil, err
	}
	_, header, err := safetensors.ReadMetadata(data)
	if err != nil {
		return nil, err
	}
	p, err := parseParameters(header.Metadata())
	if err != nil {
		return nil, err
	}
	c := &Case{Parameters: p}
	f := &file{tensors: tensors}
	if err := c.readShape(f); err != nil {
		return nil, err
	}
	c.readTensors(f)
	return c, f.err
}

// readShape takes the sizes from the cache and checks them.
func (c *Case) readShape(f *file) error {
	view, ok := f.tensors.Tensor("cache")
	if !ok {
		return fmt.Errorf("cache: no such tensor")
	}
	s := view.Shape()
	if len(s) != 5 || s[1] != 1 || slices.Min(s) == 0 {
		return fmt.Errorf("cache: shape %v, must be [L,1,H,T,D]", s)
	}
	c.Layers, c.Heads, c.Tokens, c.HeadDim = int(s[0]), int(s[2]), int(s[3]), int(s[4])
	if c.Parameters.Window > c.Tokens {
		return fmt.Errorf("last_n_attentions: %d, limit 1..%d", c.Parameters.Window, c.Tokens)
	}
	if e := c.Limit(); c.Parameters.UseAttentions && !(e <= maxLimit) { // written so that NaN fails
		return fmt.Errorf("target_quantization_error: %g for %d tokens gives a limit of %g, at most 2^100",
			c.Parameters.Error, c.Tokens, e)
	}
	return c.layout().Check()
}

// maxLimit is the largest limit of the rule that the contract allows.
const maxLimit = 0x1p100

func (c *Case) readTensors(f *file) {
	l, h, t, d := uint64(c.Layers), uint64(c.Heads), uint64(c.Tokens), uint64(c.HeadDim)
	bits := []uint64{1, t, l, h}[:map[string]int{"head": 4, "layer": 3, "token": 2}[c.Parameters.Level]]
	c.Cache = byToken(c, floats(f.tensor("cache", safetensors.F32, l, 1, h, t, d)))
	c.Attention = floats(f.tensor("attention", safetensors.F32, l, 1, h, t, t))
	c.Dequantized = byToken(c, floats(f.tensor("dequantized", safetensors.F32, l, 1, h, t, d)))
	c.Outliers = byToken(c, flags(f.tensor("outlier_mask", safetensors.U8, l, 1, h, t, d)))
	c.Bits = f.widths(f.tensor("n_bits", safetensors.I64, bits...))
	for _, w := range c.Attention {
		if !(w >= 0 && w <= 1) && f.err == nil { // written so that NaN fails
			f.err = fmt.Errorf("attention: %g, limit 0..1", w)
		}
	}
}

// file reads tensors and keeps the first error.
type file struct {
	tensors safetensors.SafeTensors
	err     error
}

// tensor returns the bytes of a tensor of that type and shape, nil if there
// was an error.
func (f *file) tensor(name string, typ safetensors.DType, shape ...uint64) []byte {
	view, ok := f.tensors.Tensor(name)
	switch {
	case f.err != nil:
		return nil
	case !ok:
		f.err = fmt.Errorf("%s: no such tensor", name)
	case view.DType() != typ:
		f.err = fmt.Errorf("%s: type %v, must be %v", name, view.DType(), typ)
	case !slices.Equal(view.Shape(), shape):
		f.err = fmt.Errorf("%s: shape %v, must be %v", name, view.Shape(), shape)
	default:
		return view.Data()
	}
	return nil
}

// widths reads i64 bit widths.
func (f *file) widths(data []byte) []uint8 {
	out := make([]uint8, len(data)/8)
	for i := range out {
		b := binary.LittleEndian.Uint64(data[8*i:])
		if b > 8 && f.err == nil {
			f.err = fmt.Errorf("n_bits: %d, limit 0..8", int64(b))
		}
		out[i] = uint8(b)
	}
	return out
}

func floats(data []byte) []float32 {
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

func flags(data []byte) []bool {
	out := make([]bool, len(data))
	for i, b := range data {
		out[i] = b != 0
	}
	return out
}

// byToken reorders [L,1,H,T,D] to [T,L,H,D]; nothing stays nothing.
func byToken[E any](c *Case, in []E) []E {
	out := make([]E, len(in))
	for i := 0; i < len(in); i += c.HeadDim {
		row := i / c.HeadDim
		head, token := row/c.Tokens, row%c.Tokens
		copy(out[(token*c.Layers*c.Heads+head)*c.HeadDim:], in[i:i+c.HeadDim])
	}
	return out
}
