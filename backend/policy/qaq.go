package policy

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/internal/names"
	"github.com/qaqvk/qaqvk/shaders"
)

// Formula is one of the two readings of QAQ's bounds.
type Formula uint8

// Formulas of the bounds.
const (
	Paper   Formula = iota // arXiv 2403.04643, section 3.3
	Authors                // the authors' published code
)

var formulaNames = [...]string{"paper", "authors"}

// ParseFormula returns the formula of a name: paper or authors.
func ParseFormula(name string) (Formula, error) {
	i, err := names.Parse("policy: formula", name, formulaNames[:])
	return Formula(i), err
}

// String is paper or authors.
func (f Formula) String() string { return names.Of("formula", int(f), formulaNames[:]) }

// DefaultQueryNorm stands for the squared query norm, 90 % quantile, of a model
// that was not calibrated. It is on the large side, which costs bits, not quality.
const DefaultQueryNorm = 1024

// Default target errors of qaq: with SmolLM2-135M and the default prompt they
// give 5.1 bits to K and 3.0 to V and keep 99 % of the most likely tokens;
// larger ones lose more tokens than bytes.
const (
	DefaultKeyError   = 0.005
	DefaultValueError = 0.002
)

// QAQ gives each group the fewest bits that keep the error of the attention
// output below a target (arXiv 2403.04643).
type QAQ struct {
	Formula    Formula
	KeyError   float64 // sigma_max (paper) or err (authors) for K, above 0
	ValueError float64 // the same for V
	MinBits    int     // 0..8
	MaxBits    int     // MinBits..8, or 16
	// QueryNorms is the 90 % quantile of the squared query norms by layer and
	// KV head, [layers][KV heads]; nil: DefaultQueryNorm for all.
	QueryNorms [][]float64
}

// Name is qaq.
func (QAQ) Name() string { return "qaq" }

// Check wants positive targets, a range of bits and a norm for every head.
func (q QAQ) Check(s Shape) error {
	for k, e := range []float64{q.KeyError, q.ValueError} {
		if !(e > 0) || math.IsInf(e, 0) {
			return fmt.Errorf("policy: qaq: target error %g for %s: must be above 0 and finite: %w", e, shaders.Kind(k), ErrConfig)
		}
	}
	if int(q.Formula) >= len(formulaNames) {
		return fmt.Errorf("policy: qaq: unknown %s: %w", q.Formula, ErrConfig)
	}
	if q.MinBits < 0 || q.MinBits > 8 {
		return fmt.Errorf("policy: qaq: least bits %d: must be 0..8: %w", q.MinBits, ErrConfig)
	}
	if q.MaxBits < q.MinBits || q.MaxBits > 8 && q.MaxBits != shaders.Raw {
		return fmt.Errorf("policy: qaq: most bits %d: must be %d..8 or 16: %w", q.MaxBits, q.MinBits, ErrConfig)
	}
	return q.checkNorms(s)
}

func (q QAQ) checkNorms(s Shape) error {
	if q.QueryNorms == nil {
		return nil
	}
	if len(q.QueryNorms) != s.Layers {
		return fmt.Errorf("policy: qaq: query norms of %d layers: the cache has %d: %w", len(q.QueryNorms), s.Layers, ErrConfig)
	}
	for l, heads := range q.QueryNorms {
		if len(heads) != s.KVHeads {
			return fmt.Errorf("policy: qaq: query norms of %d KV heads in layer %d: the cache has %d: %w", len(heads), l, s.KVHeads, ErrConfig)
		}
		for h, n := range heads {
			if !(n > 0) || math.IsInf(n, 0) {
				return fmt.Errorf("policy: qaq: query norm %g of layer %d head %d: must be above 0 and finite: %w", n, l, h, ErrConfig)
			}
		}
	}
	return nil
}

// Rule has delta 1 for the authors' formula. K has no importance in its bound:
// the weight is 1.
func (q QAQ) Rule(k shaders.Kind) Rule {
	r := Rule{MinBits: q.MinBits, MaxBits: q.MaxBits}
	if q.Formula == Authors {
		r.Delta = 1
	}
	if k == shaders.Key {
		r.Weight = WeightOne
	}
	return r
}

// Limit is c of the rule R*w <= c*(2^b - delta). The paper wants a standard
// deviation of R*2^-b/sqrt(12) of at most sigma, so c = 2*sqrt(3)*sigma; the
// authors' code wants b = ceil(log2(R/(2e) + 1)), so c = 2e.
func (q QAQ) Limit(k shaders.Kind, layer, head, tokens int) float64 {
	t := math.Max(float64(tokens), 2) // the bound for K divides by T-1
	if k == shaders.Value {
		if q.Formula == Authors {
			return 2 * math.Sqrt(12/t) * q.ValueError
		}
		return 2 * math.Sqrt(3) * q.ValueError / math.Sqrt(t)
	}
	norm := float64(DefaultQueryNorm)
	if q.QueryNorms != nil {
		norm = q.QueryNorms[layer][head]
	}
	spread := math.Log(t*t*t/(t-1)*q.KeyError*q.KeyError + 1)
	if q.Formula == Authors {
		return 2 * math.Sqrt(12/norm*spread)
	}
	return 2 * math.Sqrt(3) * math.Sqrt(spread/norm)
}
