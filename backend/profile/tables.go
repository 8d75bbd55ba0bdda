package profile

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// leastEntry and leastScale are the least magnitudes of numbers and of scales that
// kernels take, beside 0.
const (
	leastEntry = 0x1p-40
	leastScale = 0x1p-30
)

// Tables returns what kernels read of a kind and layer, for raw rows of a type
// (shaders.TypeF16, ...). Errors wrap ErrFormat where numbers are outside the codec's
// contract, such as scales of matrices above 2^20, ErrShape where there is no such layer.
func (p *Profile) Tables(kind shaders.Kind, layer int, typ uint32) (*shaders.Tables, error) {
	if kind > shaders.Value || layer < 0 || layer >= p.Shape.Layers {
		return nil, fmt.Errorf("profile: kind %d of layer %d: there are 2 and %d: %w", kind, layer, p.Shape.Layers, ErrShape)
	}
	return p.tables(p.Planes(), p.number(), kind, layer, typ)
}

// AllTables returns Tables of keys and of values, of all layers.
func (p *Profile) AllTables(typ uint32) (out [2][]*shaders.Tables, err error) {
	planes, number := p.Planes(), p.number()
	for kind := range out {
		out[kind] = make([]*shaders.Tables, p.Shape.Layers)
		for layer := range out[kind] {
			if out[kind][layer], err = p.tables(planes, number, shaders.Kind(kind), layer, typ); err != nil {
				return [2][]*shaders.Tables{}, err
			}
		}
	}
	return out, nil
}

// Rotation returns what kernels read of a page: the cosines and the sines of RoPE.Turn at
// its middle, and then those at the beginning of its stretch, [2][Dims].
func (p *Profile) Rotation(page int) []float32 {
	n, first := len(p.RoPE.Speeds), page*p.PageTokens
	out := make([]float32, 4*n)
	p.RoPE.Turn(p.Middle(first), out[:n], out[n:2*n])
	p.RoPE.Turn(first/shaders.StretchTokens*shaders.StretchTokens, out[2*n:3*n], out[3*n:])
	return entries(out)
}

// number is the profile in the header of pages: the first 2 bytes of its SHA-256.
func (p *Profile) number() uint16 {
	sum, _ := hex.DecodeString(p.Hash()) // of hash
	return binary.LittleEndian.Uint16(sum)
}

func (p *Profile) tables(planes *Planes, number uint16, kind shaders.Kind, layer int, typ uint32) (*shaders.Tables, error) {
	h := p.layer(kind, layer)
	t := &shaders.Tables{
		Records:        planes.records(kind, layer, typ),
		Reconstruction: p.Codebook.Reconstruction,
		Profile:        number, Layer: layer, Kind: kind,
		Mean: entries(h.Mean), Forward: scaled(h.Matrix), Inverse: scaled(h.Inverse),
	}
	copy(t.Thresholds[:], entries(p.Codebook.Thresholds))
	if err := t.Check(); err != nil {
		return nil, fmt.Errorf("profile: %v of layer %d: %w: %w", kind, layer, err, ErrFormat)
	}
	return t, nil
}

// layer returns the tables of all KV heads of a kind and layer, head after head.
func (p *Profile) layer(kind shaders.Kind, layer int) Head {
	n := p.Shape.KVHeads * p.Shape.HeadDim
	i := int(kind)*p.Shape.Layers + layer
	return Head{
		Mean: p.Mean[i*n : (i+1)*n], Lambda: p.Lambda[i*n : (i+1)*n],
		Matrix: partOf(p.Matrix, i, n, p.Shape.HeadDim), Inverse: partOf(p.Inverse, i, n, p.Shape.HeadDim),
	}
}

// scaled returns matrices of which channels too small for kernels are 0.
func scaled(m shaders.Matrix) shaders.Matrix {
	out := shaders.Matrix{Bytes: m.Bytes, Scales: slices.Clone(m.Scales)}
	for i, x := range out.Scales {
		if x < leastScale {
			out.Scales[i] = 0
		}
	}
	return out
}

// entries returns numbers, those too small for kernels as 0.
func entries(in []float32) []float32 {
	out := make([]float32, len(in))
	for i, x := range in {
		if math.Abs(float64(x)) >= leastEntry {
			out[i] = x
		}
	}
	return out
}

// records returns the sizes of a layer's pages.
func (p *Planes) records(kind shaders.Kind, layer int, typ uint32) shaders.Records {
	r := shaders.Records{Type: typ, HeadDim: p.shape.HeadDim, Heads: p.shape.KVHeads}
	for level := range r.Populations {
		for head := range r.Heads {
			var n shaders.Population
			for plane := range n {
				n[plane] = p.Count(kind, layer, head, level, plane)
			}
			r.Populations[level] = append(r.Populations[level], n)
		}
	}
	return r
}
