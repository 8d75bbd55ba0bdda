package model_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// reference is the forward pass written once more from the formulas, in f64,
// one element at a time, for the shape of modeltest.Tiny.
type reference struct {
	t       *testing.T
	f       *gguf.File
	halves  bool
	scale   float64 // of positions
	factors []float64

	magnitude                  float64                // of turned pairs; 0: 1
	turn                       func(pair int) float64 // radians per position, in place of scale and factors
	embedding, residual, logit float64                // scales; 0: 1
	attention                  float64                // scale of scores; 0: 1/√D
	scoreCap, logitCap         float64                // 0: none
	windows                    [modeltest.Layers]int  // 0: none
}

// newReference is the reference for the file at path.
func newReference(t *testing.T, path string) *reference {
	f, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return &reference{t: t, f: f, scale: 1}
}

// or returns x, or def where it is 0.
func or(x, def float64) float64 {
	if x == 0 {
		return def
	}
	return x
}

// capped returns c·tanh(x/c); c 0 means none.
func capped(x, c float64) float64 {
	if c == 0 {
		return x
	}
	return c * math.Tanh(x/c)
}

func scaled(x []float64, by float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v * by
	}
	return out
}

func (r *reference) tensor(name string) []float64 {
	t := r.f.Lookup(name)
	if t == nil {
		return nil
	}
	data := make([]float32, t.Elems())
	require.NoError(r.t, t.Rows(data, 0))
	out := make([]float64, len(data))
	for i, x := range data {
		out[i] = float64(x)
	}
	return out
}

// apply returns w·x + bias for the tensors name.weight and name.bias.
func (r *reference) apply(name string, x []float64) []float64 {
	w, bias := r.tensor(name+".weight"), r.tensor(name+".bias")
	out := make([]float64, len(w)/len(x))
	for o := range out {
		for i, v := range x {
			out[o] += w[o*len(x)+i] * v
		}
		if bias != nil {
			out[o] += bias[o]
		}
	}
	return out
}

func (r *reference) norm(name string, x []float64) []float64 {
	w, sum := r.tensor(name+".weight"), 0.0
	for _, v := range x {
		sum += v * v
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v / math.Sqrt(sum/float64(len(x))+1e-5) * w[i]
	}
	return out
}

func (r *reference) rope(x []float64, pos int) {
	const d = modeltest.HeadDim
	for h := 0; h < len(x); h += d {
		for j := range d / 2 {
			a := float64(pos) * math.Pow(10000, -2*float64(j)/d) / r.scale
			if r.factors != nil {
				a /= r.factors[j]
			}
			if r.turn != nil {
				a = float64(pos) * r.turn(j)
			}
			lo, hi := h+2*j, h+2*j+1
			if r.halves {
				lo, hi = h+j, h+j+d/2
			}
			sin, cos := or(r.magnitude, 1)*math.Sin(a), or(r.magnitude, 1)*math.Cos(a)
			x[lo], x[hi] = x[lo]*cos-x[hi]*sin, x[lo]*sin+x[hi]*cos
		}
	}
}

// logits returns the logits after each token and the results of attention by
// layer and token, [QueryHeads][HeadDim].
func (r *reference) logits(tokens []int) (logits [][]float64, attended [modeltest.Layers][][]float64) {
	var k, v [modeltest.Layers][][]float64
	for pos, token := range tokens {
		embedding := r.tensor("token_embd.weight")
		x := scaled(embedding[token*modeltest.Width:][:modeltest.Width], or(r.embedding, 1))
		for l := range modeltest.Layers {
			blk := fmt.Sprintf("blk.%d.", l)
			h := r.norm(blk+"attn_norm", x)
			q, key := r.apply(blk+"attn_q", h), r.apply(blk+"attn_k", h)
			r.rope(q, pos)
			r.rope(key, pos)
			k[l], v[l] = append(k[l], key), append(v[l], r.apply(blk+"attn_v", h))
			mixed := r.attend(l, q, k[l], v[l])
			attended[l] = append(attended[l], mixed)
			x = add(x, scaled(r.apply(blk+"attn_output", mixed), or(r.residual, 1)))
			h = r.norm(blk+"ffn_norm", x)
			gate, up := r.apply(blk+"ffn_gate", h), r.apply(blk+"ffn_up", h)
			for i, g := range gate {
				up[i] *= g / (1 + math.Exp(-g))
			}
			x = add(x, scaled(r.apply(blk+"ffn_down", up), or(r.residual, 1)))
		}
		output := "output"
		if r.f.Lookup("output.weight") == nil {
			output = "token_embd"
		}
		row := r.apply(output, r.norm("output_norm", x))
		for i, l := range row {
			row[i] = capped(l/or(r.logit, 1), r.logitCap)
		}
		logits = append(logits, row)
	}
	return logits, attended
}

func (r *reference) attend(layer int, q []float64, k, v [][]float64) []float64 {
	const d, group = modeltest.HeadDim, modeltest.QueryHeads / modeltest.KVHeads
	mixed := make([]float64, len(q))
	for h := range modeltest.QueryHeads {
		kv := h / group * d
		p, sum := make([]float64, len(k)), 0.0
		for t := range k {
			if w := r.windows[layer]; w > 0 && t < len(k)-w {
				continue
			}
			for i := range d {
				p[t] += q[h*d+i] * k[t][kv+i] * or(r.attention, 1/math.Sqrt(d))
			}
			p[t] = math.Exp(capped(p[t], r.scoreCap))
			sum += p[t]
		}
		for t := range p {
			p[t] /= sum
			for i := range d {
				mixed[h*d+i] += p[t] * v[t][kv+i]
			}
		}
	}
	return mixed
}

func add(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}

// write writes the file to a temporary folder and returns its path.
func write(t *testing.T, f *modeltest.File) string {
	t.Helper()
	path := t.TempDir() + "/" + strings.ReplaceAll(t.Name(), "/", "_") + ".gguf"
	require.NoError(t, f.Write(path))
	return path
}
