package reference

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nlpodyssey/safetensors"
	"github.com/stretchr/testify/require"
)

// model is the authors' rule in float64: bits and outlier mask of group g. Its
// outliers are everything up to the two thresholds, as in the authors' code.
func model(c *Case, g int) (bits uint8, mask []bool) {
	l, size := c.layout(), c.layout().Group()
	x := c.Cache[g*size : (g+1)*size]
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	mask = make([]bool, size)
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	for i, v := range x {
		mask[i] = l.Low > 0 && v <= sorted[l.Low-1] || l.High > 0 && v >= sorted[size-l.High]
		if !mask[i] {
			low, high = min(low, v), max(high, v)
		}
	}
	p := c.Parameters
	w := float64(c.Importance()[g])
	switch {
	case !p.UseAttentions:
		return uint8(p.FixedBits), mask
	case w < 0:
		return uint8(p.MaxBits), mask
	}
	t, e := float64(c.Tokens), 0.0
	if p.Side == "value" {
		e = math.Sqrt(12/t) * p.Error / w
	} else {
		e = math.Sqrt(12 / p.QueryNorm * math.Log(math.Pow(t, 3)/(t-1)*p.Error*p.Error+1))
	}
	b := math.Ceil(math.Log2((float64(high)-float64(low))/(2*e) + 1))
	return uint8(min(max(b, float64(p.MinBits)), float64(p.MaxBits))), mask
}

// dequantize stands for the authors' reconstruction: the lower end of each
// segment instead of its middle.
func dequantize(c *Case, g int) []float32 {
	size := c.layout().Group()
	x := c.Cache[g*size : (g+1)*size]
	bits, mask := model(c, g)
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range x {
		if !mask[i] {
			low, high = min(low, float64(v)), max(high, float64(v))
		}
	}
	out, step := slices.Clone(x), (high-low)/math.Exp2(float64(bits))
	for i, v := range x {
		if !mask[i] {
			out[i] = float32(low + step*math.Floor((float64(v)-low)/step))
		}
	}
	return out
}

// generated makes a case of the given settings with what model says of it. Its
// values are exact in f16, those of a row are all different.
func generated(p Parameters, layers, heads, tokens, headDim int) *Case {
	c := &Case{Name: "generated", Parameters: p, Layers: layers, Heads: heads, Tokens: tokens, HeadDim: headDim}
	r := rand.New(rand.NewPCG(7, uint64(headDim)))
	for range layers * heads * tokens {
		for i, n := range r.Perm(2048)[:headDim] {
			c.Cache = append(c.Cache, float32(n-1024)/64+float32(i%2)*8)
		}
	}
	for range layers * heads * tokens {
		for range tokens {
			c.Attention = append(c.Attention, r.Float32())
		}
	}
	c.Outliers, c.Dequantized = nil, nil
	for g := range c.Groups() {
		bits, mask := model(c, g)
		c.Bits = append(c.Bits, bits)
		c.Outliers = append(c.Outliers, mask...)
		c.Dequantized = append(c.Dequantized, dequantize(c, g)...)
	}
	return c
}

// settings is a small attention-aware value case.
func settings() Parameters {
	return Parameters{
		Side: "value", Level: "layer", Method: "uniform", Alpha: 0.05, AverageBits: 3, UseAttentions: true,
		Window: 3, Error: 0.5, MinBits: 1, MaxBits: 6,
	}
}

// tensor is what the safetensors library writes.
type tensor = safetensors.TensorView

func view(t *testing.T, typ safetensors.DType, data []byte, shape ...int) tensor {
	dims := make([]uint64, len(shape))
	for i, n := range shape {
		dims[i] = uint64(n)
	}
	v, err := safetensors.NewTensorView(typ, dims, data)
	require.NoError(t, err)
	return v
}

// byHead is the inverse of byToken.
func byHead[E any](c *Case, in []E) []E {
	out := make([]E, len(in))
	for i := 0; i < len(in); i += c.HeadDim {
		row, heads := i/c.HeadDim, c.Layers*c.Heads
		copy(out[(row%heads*c.Tokens+row/heads)*c.HeadDim:], in[i:i+c.HeadDim])
	}
	return out
}

// tensors are those of a case's file.
func tensors(t *testing.T, c *Case) map[string]tensor {
	l, h, n, d := c.Layers, c.Heads, c.Tokens, c.HeadDim
	var mask, bits []byte
	for _, m := range byHead(c, c.Outliers) {
		mask = append(mask, map[bool]byte{true: 1}[m])
	}
	for _, b := range c.Bits {
		bits = binary.LittleEndian.AppendUint64(bits, uint64(b))
	}
	shape := []int{1, n, l, h}[:map[string]int{"head": 4, "layer": 3, "token": 2}[c.Parameters.Level]]
	return map[string]tensor{
		"cache":        view(t, safetensors.F32, bytesOf(byHead(c, c.Cache)), l, 1, h, n, d),
		"attention":    view(t, safetensors.F32, bytesOf(c.Attention), l, 1, h, n, n),
		"dequantized":  view(t, safetensors.F32, bytesOf(byHead(c, c.Dequantized)), l, 1, h, n, d),
		"outlier_mask": view(t, safetensors.U8, mask, l, 1, h, n, d),
		"n_bits":       view(t, safetensors.I64, bits, shape...),
	}
}

func bytesOf(in []float32) (out []byte) {
	for _, x := range in {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

func metadata(t *testing.T, p Parameters) map[string]string {
	out := map[string]string{}
	for name, value := range map[string]any{
		"key_or_value_cache": p.Side, "level": p.Level, "method": p.Method, "outliers_ratio": p.Alpha,
		"average_n_bits": p.AverageBits, "use_attentions": p.UseAttentions, "n_bits_uniform": p.FixedBits,
		"last_n_attentions": p.Window, "target_quantization_error": p.Error,
		"n_bits_min": p.MinBits, "n_bits_max": p.MaxBits, "q_norm": p.QueryNorm,
	} {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		out[name] = string(text)
	}
	return out
}

func write(t *testing.T, data map[string]tensor, meta map[string]string) string {
	file, err := safetensors.Serialize(data, meta)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "generated.safetensors")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	return path
}

// vectors are the authors' files that the tests carry.
func vectors(t *testing.T) []*Case {
	paths, err := filepath.Glob("testdata/*.safetensors")
	require.NoError(t, err)
	require.Len(t, paths, 3)
	var cases []*Case
	for _, path := range paths {
		c, err := Load(path)
		require.NoError(t, err)
		cases = append(cases, c)
	}
	slices.SortFunc(cases, func(a, b *Case) int { return cmp.Compare(a.Name, b.Name) })
	return cases
}
