package profile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/nlpodyssey/safetensors"
	"github.com/x448/float16"

	"github.com/qaqvk/qaqvk/shaders"
)

// Names of tensors.
const (
	nameMean           = "mean"
	nameMatrix         = "matrix"
	nameInverse        = "inverse"
	scaleSuffix        = "_scale" // of the names of matrices
	nameLambda         = "lambda"
	nameThresholds     = "thresholds"
	nameReconstruction = "reconstruction"
	nameDistortion     = "distortion"
	nameSlope          = "slope"
	nameUse            = "use"
	nameSpeeds         = "rope_speeds"
)

// Keys of metadata.
const (
	keyFormat   = "format"
	keyVersion  = "version"
	keyHash     = "sha256"
	keyModel    = "model"
	keySource   = "source"
	keyPairing  = "rope_pairing"
	keyPage     = "page_tokens"
	keyHalfLife = "half_life"
	keyFloor    = "floor"
	keySink     = "sink"
	keyRecent   = "recent"
	keyFirst    = "first"
)

// Values of keyPairing.
const (
	pairsHalves     = "halves"
	pairsNeighbours = "neighbours"
)

// contents returns the tensors and the metadata of the file, but for its checksum.
func (p *Profile) contents() (map[string]safetensors.TensorView, map[string]string) {
	s, c, i := p.Shape, p.Codebook, p.Importance
	rows := []int{2, s.Layers, s.KVHeads, s.HeadDim}
	square := append(slices.Clone(rows), s.HeadDim)
	tensors := map[string]safetensors.TensorView{
		nameMean:           floats(p.Mean, rows...),
		nameLambda:         single(p.Lambda, rows...),
		nameThresholds:     single(c.Thresholds, len(c.Thresholds)),
		nameReconstruction: single(values(c.Reconstruction), reconstructionValues),
		nameDistortion:     single(c.Distortion, len(c.Distortion)),
		nameSlope:          single([]float32{p.Slope}, 1),
		nameUse:            single(p.Use, s.Layers, Levels+1),
		nameSpeeds:         double(p.RoPE.Speeds),
	}
	for name, m := range map[string]shaders.Matrix{nameMatrix: p.Matrix, nameInverse: p.Inverse} {
		tensors[name] = wholes(m.Bytes, square...)
		tensors[name+scaleSuffix] = single(m.Scales, rows...)
	}
	pairing := pairsNeighbours
	if p.RoPE.Halves {
		pairing = pairsHalves
	}
	return tensors, map[string]string{
		keyFormat: Format, keyVersion: strconv.Itoa(Version), keyModel: p.Model, keySource: p.Source,
		keyPairing: pairing, keyPage: strconv.Itoa(p.PageTokens), keyHalfLife: strconv.Itoa(i.HalfLife),
		keyFloor: number(i.Floor), keySink: number(i.Sink), keyRecent: strconv.Itoa(i.Recent), keyFirst: strconv.Itoa(i.First),
	}
}

// reconstructionValues are the magnitudes and the coefficients.
const reconstructionValues = 7 + 4

// values returns magnitudes, then coefficients.
func values(r shaders.Reconstruction) []float32 {
	out := make([]float32, 0, reconstructionValues)
	for _, m := range r.Magnitudes {
		out = append(out, float32(m))
	}
	return append(out, r.Coefficients[:]...)
}

func number(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) }

// floats is a tensor in f16 where that says the same, else in f32.
func floats(data []float32, shape ...int) safetensors.TensorView {
	if slices.ContainsFunc(data, func(x float32) bool { return RoundF16(x) != x }) {
		return single(data, shape...)
	}
	out := make([]byte, 0, 2*len(data))
	for _, x := range data {
		out = binary.LittleEndian.AppendUint16(out, float16.Fromfloat32(x).Bits())
	}
	return view(safetensors.F16, out, shape...)
}

// RoundF16 returns the f16 nearest to x, ties to even; infinity beyond its range.
func RoundF16(x float32) float32 { return float16.Fromfloat32(x).Float32() }

func single(data []float32, shape ...int) safetensors.TensorView {
	out := make([]byte, 0, 4*len(data))
	for _, x := range data {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return view(safetensors.F32, out, shape...)
}

func wholes(data []int8, shape ...int) safetensors.TensorView {
	out := make([]byte, len(data))
	for i, x := range data {
		out[i] = byte(x)
	}
	return view(safetensors.I8, out, shape...)
}

func double(data []float64) safetensors.TensorView {
	out := make([]byte, 0, 8*len(data))
	for _, x := range data {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(x))
	}
	return view(safetensors.F64, out, len(data))
}

// view is a tensor; Validate vouches that data and shape agree, and where they do
// not, the view is empty.
func view(typ safetensors.DType, data []byte, shape ...int) safetensors.TensorView {
	dims := make([]uint64, len(shape))
	for i, n := range shape {
		dims[i] = uint64(n)
	}
	v, _ := safetensors.NewTensorView(typ, dims, data)
	return v
}

// hash is the SHA-256 of metadata but for keyHash and of tensors, both in the
// order of their names: what docs/profile.md says, independent of where in the
// file they lie.
func hash(tensors map[string]safetensors.TensorView, metadata map[string]string) string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if key != keyHash {
			fmt.Fprintf(h, "%s\x00%s\x00", key, metadata[key])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		fmt.Fprintf(h, "%s\x00%s\x00%d\x00", name, t.DType(), t.Shape())
		h.Write(t.Data())
	}
	return hex.EncodeToString(h.Sum(nil))
}
