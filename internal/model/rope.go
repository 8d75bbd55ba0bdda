package model

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
)

// Rope is how positions turn queries and keys.
type Rope struct {
	Dims      int     // leading elements of a head that are turned
	Base      float64 // pair i turns by Base^(−2i/Dims) radians a token
	Scale     float64 // positions are divided by it: all pairs, or with YaRN the slow ones
	Magnitude float64 // factor of turned queries and keys
	YaRN      YaRN
}

// YaRN mixes scaled and unscaled turning by the number of turns that a pair
// makes over the context that the model was first trained with (arXiv
// 2309.00071, section 3.2).
type YaRN struct {
	Mix        float64 // 1: as in the paper, 0: all pairs are scaled
	Context    float64 // tokens of the first training
	Fast, Slow float64 // turns from which a pair is not scaled, up to which it is wholly
}

// readRope reads rope.scaling.* as llama.cpp does: a factor without a type is
// linear scaling, attn_factor goes with any type.
func readRope(m *metadata, c Config) Rope {
	const scaling = "rope.scaling."
	r := Rope{
		Dims: m.int("rope.dimension_count", c.HeadDim), Base: m.float("rope.freq_base", 10000),
		Scale:     m.factor("rope.scale_linear", 1),
		Magnitude: m.factor(scaling+"attn_factor", 1) * m.factor(scaling+"yarn_attn_factor", 1),
		YaRN: YaRN{
			Mix: m.float(scaling+"yarn_ext_factor", 1), Context: m.float(scaling+"original_context_length", float64(c.Context)),
			Fast: m.float(scaling+"yarn_beta_fast", 32), Slow: m.float(scaling+"yarn_beta_slow", 1),
		},
	}
	r.Scale = m.factor(scaling+"factor", r.Scale)
	switch kind := m.string(scaling+"type", "linear"); kind {
	case "yarn":
		if r.Scale > 1 && r.YaRN.Mix != 0 {
			r.Magnitude *= 1 + 0.1*math.Log(r.Scale) // eq. 22
		}
		return r
	case "none", "llama3":
		r.Scale = 1 // llama3: the factors are the tensor rope_freqs.weight
		if kind == "llama3" && m.f.Lookup(ropeFactors) == nil {
			m.refuse("RoPE scaling %q without the tensor %s", kind, ropeFactors)
		}
	case "linear":
	default:
		m.refuse("RoPE scaling %q (known: none, linear, llama3, yarn)", kind)
	}
	r.YaRN = YaRN{}
	return r
}

func (r Rope) check(f *gguf.File) error {
	y := r.YaRN
	switch {
	case !(r.Base > 0) || math.IsInf(r.Base, 0):
		return fmt.Errorf("model: %s: RoPE base %v: %w", f.Path(), r.Base, ErrUnsupported)
	case y == YaRN{}:
		return nil
	case !(r.Base > 1) || !(y.Mix >= 0 && y.Mix <= 1) || !(y.Context >= 1 && y.Context <= math.MaxInt32) || !(y.Slow > 0 && y.Slow <= y.Fast && y.Fast <= most):
		return fmt.Errorf("model: %s: YaRN with base %v, ext_factor %v, original context %v, beta %v to %v: %w", f.Path(), r.Base, y.Mix, y.Context, y.Slow, y.Fast, ErrUnsupported)
	}
	return nil
}

// ropeFactors is the tensor of divisors of each pair, as Llama 3.1 files have.
const ropeFactors = "rope_freqs.weight"

// Speeds returns the radians per position of each pair, [Dims/2]; factors
// divide them, nil: none.
func (r Rope) Speeds(factors []float32) []float64 {
	low, high := r.YaRN.bounds(r)
	out := make([]float64, r.Dims/2)
	for i := range out {
		plain := math.Pow(r.Base, -2*float64(i)/float64(r.Dims))
		if factors != nil {
			plain /= float64(factors[i])
		}
		ramp := min(1, max(0, (float64(i)-low)/max(0.001, high-low)))
		mix := (1 - ramp) * r.YaRN.Mix
		out[i] = plain/r.Scale*(1-mix) + plain*mix
	}
	return out
}

// bounds returns the pairs between which YaRN goes from unscaled to scaled: those
// that make Fast and Slow turns, in whole pairs.
func (y YaRN) bounds(r Rope) (low, high float64) {
	if (y == YaRN{}) {
		return 0, 0
	}
	pair := func(turns float64) float64 {
		return float64(r.Dims) * math.Log(y.Context/(turns*2*math.Pi)) / (2 * math.Log(r.Base))
	}
	return max(0, math.Floor(pair(y.Fast))), min(float64(r.Dims-1), math.Ceil(pair(y.Slow)))
}

// factors finds the divisors of n pairs, nil where the model has none.
func (l *loader) factors(n int) *gguf.Tensor {
	if l.f.Lookup(ropeFactors) == nil {
		return nil
	}
	return l.find(ropeFactors, n)
}

// readSpeeds reads the divisors, which may be nil, refuses those that are not above 0, and
// sets the speeds.
func (m *Model) readSpeeds(of *gguf.Tensor) error {
	var factors []float32
	if of != nil {
		if err := (vector{&factors, []*gguf.Tensor{of}}).read(); err != nil {
			return err
		}
	}
	for i, x := range factors {
		if !(x > 0) {
			return fmt.Errorf("model: %s: %s[%d] is %v, want more than 0: %w", m.file.Path(), ropeFactors, i, x, gguf.ErrTensor)
		}
	}
	m.rope = m.Rope.Speeds(factors)
	return nil
}
