package profile

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// leastEntry is the least magnitude of numbers that kernels take, beside 0.
const leastEntry = 0x1p-40

// Tables returns what kernels read of a kind and layer, for raw rows of a type
// (shaders.TypeF16, ...). Errors wrap ErrFormat where numbers are outside the codec's
// contract, such as elements of matrices that f16 does not hold, ErrShape where there is no such layer.
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

// Rotation returns what kernels read of the middle of a page: the cosines and the sines
// of RoPE.Turn, [Dims].
func (p *Profile) Rotation(page int) []float32 {
	n := len(p.RoPE.Speeds)
	out := make([]float32, 2*n)
	p.RoPE.Turn(p.Middle(page*p.PageTokens), out[:n], out[n:])
	return entries(out)
}

// number is the profile in the header of pages: the first 8 bytes of its SHA-256.
func (p *Profile) number() uint64 {
	sum, _ := hex.DecodeString(p.Hash()) // of hash
	return binary.LittleEndian.Uint64(sum)
}

func (p *Profile) tables(planes *Planes, number uint64, kind shaders.Kind, layer int, typ uint32) (*shaders.Tables, error) {
	h := p.layer(kind, layer)
	t := &shaders.Tables{
		Records:        planes.records(kind, layer, typ),
		Reconstruction: p.Codebook.Reconstruction,
		Profile:        number, Layer: layer, Kind: kind,
		Mean: entries(h.Mean), Forward: h.Matrix, Inverse: h.Inverse,
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
	square := n * p.Shape.HeadDim
	return Head{
		Mean: p.Mean[i*n : (i+1)*n], Lambda: p.Lambda[i*n : (i+1)*n],
		Matrix: p.Matrix[i*square : (i+1)*square], Inverse: p.Inverse[i*square : (i+1)*square],
	}
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
