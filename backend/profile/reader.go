package profile

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/nlpodyssey/safetensors"
	"github.com/x448/float16"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// reader takes a profile apart and keeps the first error.
type reader struct {
	tensors  safetensors.SafeTensors
	metadata map[string]string
	err      error
}

// profile reads everything; what an error says stands in r.err.
func (r *reader) profile() *Profile {
	s := r.shape()
	rows := []int{2, s.Layers, s.KVHeads, s.HeadDim}
	square := append(slices.Clone(rows), s.HeadDim)
	p := &Profile{
		Shape: s, Model: r.metadata[keyModel], Source: r.metadata[keySource],
		RoPE:       RoPE{Halves: r.pairing(), Speeds: r.doubles(nameSpeeds)},
		PageTokens: r.int(keyPage),
		Mean:       r.floats(nameMean, rows...), Lambda: r.floats(nameLambda, rows...),
		Matrix: r.matrix(nameMatrix, square), Inverse: r.matrix(nameInverse, square),
		Codebook: Codebook{
			Thresholds:     r.floats(nameThresholds, 1<<CodeBits-1),
			Reconstruction: r.reconstruction(),
			Distortion:     r.floats(nameDistortion, CodeBits+1),
		},
		Importance: Importance{
			HalfLife: r.int(keyHalfLife), Floor: r.number(keyFloor), Sink: r.number(keySink),
			Recent: r.int(keyRecent), First: r.int(keyFirst),
		},
		Use: r.floats(nameUse, s.Layers, Levels+1),
	}
	if slope := r.floats(nameSlope, 1); len(slope) == 1 {
		p.Slope = slope[0]
	}
	return p
}

func (r *reader) fail(format string, a ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %w", fmt.Sprintf(format, a...), ErrFormat)
	}
}

// shape takes the sizes from the means.
func (r *reader) shape() (s policy.Shape) {
	v, ok := r.tensors.Tensor(nameMean)
	dims := v.Shape()
	if !ok || len(dims) != 4 || dims[0] != 2 || max(dims[1], dims[2], dims[3]) > maxBytes {
		r.fail("%s: shape %v, want [2, layers, KV heads, elements]", nameMean, dims)
		return s
	}
	return policy.Shape{Layers: int(dims[1]), KVHeads: int(dims[2]), HeadDim: int(dims[3])}
}

// tensor returns a tensor of one of the types.
func (r *reader) tensor(name string, types ...safetensors.DType) safetensors.TensorView {
	v, ok := r.tensors.Tensor(name)
	if !ok {
		r.fail("no tensor %s", name)
	} else if !slices.Contains(types, v.DType()) {
		r.fail("%s: type %v, want one of %v", name, v.DType(), types)
	}
	return v
}

// shaped returns a tensor of a shape and one of the types.
func (r *reader) shaped(name string, shape []int, types ...safetensors.DType) safetensors.TensorView {
	v := r.tensor(name, types...)
	same := slices.EqualFunc(v.Shape(), shape, func(have uint64, want int) bool { return have == uint64(want) })
	if r.err == nil && !same {
		r.fail("%s: shape %v, want %v", name, v.Shape(), shape)
	}
	return v
}

// matrix reads whole numbers and the scales of their channels.
func (r *reader) matrix(name string, shape []int) (m shaders.Matrix) {
	v := r.shaped(name, shape, safetensors.I8)
	m.Scales = r.floats(name+scaleSuffix, shape[:len(shape)-1]...)
	if r.err != nil {
		return shaders.Matrix{}
	}
	m.Bytes = make([]int8, len(v.Data()))
	for i, b := range v.Data() {
		m.Bytes[i] = int8(b)
	}
	return m
}

// floats reads a tensor of f16 or f32.
func (r *reader) floats(name string, shape ...int) []float32 {
	v := r.shaped(name, shape, safetensors.F16, safetensors.F32)
	if r.err != nil {
		return nil
	}
	data := v.Data()
	if v.DType() == safetensors.F16 {
		out := make([]float32, len(data)/2)
		for i := range out {
			out[i] = float16.Frombits(binary.LittleEndian.Uint16(data[2*i:])).Float32()
		}
		return out
	}
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

// reconstruction reads magnitudes, which are whole numbers, and coefficients.
func (r *reader) reconstruction() (out shaders.Reconstruction) {
	v := r.floats(nameReconstruction, reconstructionValues)
	if v == nil {
		return out
	}
	for i := range out.Magnitudes {
		if out.Magnitudes[i] = magnitude(v[i]); out.Magnitudes[i] == 0 {
			r.fail("%s[%d] is %v, want a whole number of 1 to %d", nameReconstruction, i, v[i], maxMagnitude)
		}
	}
	copy(out.Coefficients[:], v[len(out.Magnitudes):])
	return out
}

// magnitude returns a whole number of 1 to maxMagnitude, 0 where x is none.
func magnitude(x float32) uint8 {
	for m := uint8(1); m <= maxMagnitude; m++ {
		if x == float32(m) {
			return m
		}
	}
	return 0
}

// doubles reads a tensor of f64 of any length.
func (r *reader) doubles(name string) []float64 {
	v := r.tensor(name, safetensors.F64)
	if r.err != nil {
		return nil
	}
	out := make([]float64, len(v.Data())/8)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(v.Data()[8*i:]))
	}
	return out
}

func (r *reader) pairing() bool {
	pairing := r.metadata[keyPairing]
	if pairing != pairsHalves && pairing != pairsNeighbours {
		r.fail("%s is %.40q, want %s or %s", keyPairing, pairing, pairsHalves, pairsNeighbours)
	}
	return pairing == pairsHalves
}

func (r *reader) int(key string) int {
	n, err := strconv.Atoi(r.metadata[key])
	if err != nil {
		r.fail("%s is %.40q, want a whole number", key, r.metadata[key])
	}
	return n
}

func (r *reader) number(key string) float32 {
	x, err := strconv.ParseFloat(r.metadata[key], 32)
	if err != nil {
		r.fail("%s is %.40q, want a number", key, r.metadata[key])
	}
	return float32(x)
}
