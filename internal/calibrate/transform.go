package calibrate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model/blas"
	"github.com/qaqvk/qaqvk/shaders"
)

// shrink is the share of the mean cost that every direction has at least. With gradients,
// .003 to .01 leave 4 to 17 % less divergence on text that was not calibrated on than .1
// and .3, .001 a little more.
const (
	shrink      = 0.005
	shrinkPlain = 0.1 // of what queries make of errors
)

// leastSpread keeps channels of next to no cost from being scaled up without end:
// their deviation counts as at least this share of the first channel's.
const leastSpread = 1e-3

// costPower compresses costs. What a channel was found to cost is too much where it is
// large and too little where it is small, on other text. At .8 the divergence on text
// that was not calibrated on is a tenth lower than at 1; .7 is as good, .6 and .9 worse.
const costPower = 0.8

// parallelHeads runs f for heads 0 to n−1, each once.
func parallelHeads(n int, f func(i int)) { blas.Parallel(n, f) }

// transforms finds means, matrices and costs of all heads.
func (c *Collector) transforms(p *profile.Profile) error {
	s := p.Shape
	errs := make([]error, len(c.heads))
	parallelHeads(len(c.heads), func(i int) {
		kind, layer, head := shaders.Kind(i/s.KVHeads/s.Layers), i/s.KVHeads%s.Layers, i%s.KVHeads
		if err := c.heads[i].transform(p.Head(kind, layer, head)); err != nil {
			errs[i] = fmt.Errorf("%v of layer %d, KV head %d: %w", kind, layer, head, err)
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	roundF16(p.Mean)
	return nil
}

// transform finds A with A·C·Aᵀ = I and A⁻ᵀ·F·A⁻¹ = Λ, falling: with F = L·Lᵀ and
// Lᵀ·C·L = U·Λ·Uᵀ, A = Λ^−½·Uᵀ·Lᵀ. C is the covariance of the rows, F what errors
// cost, shrunk.
func (m *moments) transform(h profile.Head) error {
	delta := m.mean()
	for e := range h.Mean {
		h.Mean[e] = float32(m.shift[e] + delta[e])
	}
	c := mat.NewSymDense(m.d, m.shifts.average(m.covariance(delta), m.d))
	lower, err := m.cost(c)
	if err != nil {
		return err
	}
	var half, inner mat.Dense
	half.Mul(c, lower)
	inner.Mul(lower.T(), &half)
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric(&inner), true) {
		return fmt.Errorf("eigenvalues do not converge")
	}
	var vectors, rows mat.Dense
	eigen.VectorsTo(&vectors)
	rows.Mul(vectors.T(), lower.T())
	m.scale(h, &rows, eigen.Values(nil))
	return invert(h, m.d)
}

// cost returns L of what errors cost in rows of a covariance; without gradients,
// such that a head's costs sum to its channels.
func (m *moments) cost(covariance *mat.SymDense) (*mat.TriDense, error) {
	f, trace, share := mat.NewSymDense(m.d, nil), 0.0, shrink
	if m.plain {
		share = shrinkPlain
	}
	fisher := m.shifts.average(m.fisher, m.d)
	for i := range m.d {
		trace += fisher[i*m.d+i]
	}
	for i := range m.d {
		for j := range i + 1 {
			f.SetSym(i, j, fisher[i*m.d+j]/float64(m.rows))
		}
		f.SetSym(i, i, f.At(i, i)+share*trace/float64(m.d*m.rows)+tiny)
	}
	if m.plain {
		f.ScaleSym(float64(m.d)/max(tiny, product(f, covariance)), f)
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(f) {
		return nil, fmt.Errorf("costs are not positive")
	}
	var lower mat.TriDense
	cholesky.LTo(&lower)
	return &lower, nil
}

// product is the trace of the product of two symmetric matrices.
func product(a, b *mat.SymDense) (sum float64) {
	for i := range a.SymmetricDim() {
		for j := range a.SymmetricDim() {
			sum += a.At(i, j) * b.At(i, j)
		}
	}
	return sum
}

// tiny is a cost that a head has which nothing reads.
const tiny = 1e-20

// symmetric is the mean of a matrix and its transpose.
func symmetric(a *mat.Dense) *mat.SymDense {
	n, _ := a.Dims()
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			out.SetSym(i, j, (a.At(i, j)+a.At(j, i))/2)
		}
	}
	return out
}

// scale writes matrix and costs from rising eigenvalues and their rows. The largest
// element of each row is made positive: eigenvectors have no sign.
func (m *moments) scale(h profile.Head, rows *mat.Dense, values []float64) {
	a := make([]float32, m.d*m.d)
	least := leastSpread * math.Sqrt(max(values[m.d-1], tiny))
	for channel := range m.d {
		from := m.d - 1 - channel // rising to falling
		row := a[channel*m.d : (channel+1)*m.d]
		spread := max(math.Sqrt(max(values[from], 0)), least)
		if largest(rows.RawRowView(from)) < 0 {
			spread = -spread
		}
		for e, x := range rows.RawRowView(from) {
			row[e] = float32(x / spread)
		}
		h.Lambda[channel] = float32(math.Pow(max(values[from], 0), costPower))
	}
	h.SetForward(a)
}

// largest returns the element of the largest magnitude, the first of equals.
func largest(row []float64) (best float64) {
	for _, x := range row {
		if math.Abs(x) > math.Abs(best) {
			best = x
		}
	}
	return best
}

// invert sets the inverse to that of the rounded matrix.
func invert(h profile.Head, d int) error {
	a := mat.NewDense(d, d, nil)
	for i, x := range h.Forward() {
		a.Set(i/d, i%d, float64(x))
	}
	var out mat.Dense
	if err := out.Inverse(a); err != nil {
		if _, ill := err.(mat.Condition); !ill || math.IsInf(float64(err.(mat.Condition)), 1) {
			return fmt.Errorf("no inverse: %w", err)
		}
	}
	inverse := make([]float32, d*d)
	for i := range inverse {
		inverse[i] = float32(out.At(i/d, i%d))
	}
	h.SetBackward(inverse)
	return nil
}

// f16Loss is the largest error of rounding to f16, of the largest magnitude, that
// is taken: twice what f16 loses in its normal range.
const f16Loss = 0x1p-11

// roundF16 rounds numbers to f16, unless one is too large or too small for it.
func roundF16(x []float32) {
	var most float32
	for _, v := range x {
		most = max(most, v, -v)
	}
	for _, v := range x {
		if e := profile.RoundF16(v) - v; !(max(e, -e) <= most*f16Loss) {
			return
		}
	}
	for i, v := range x {
		x[i] = profile.RoundF16(v)
	}
}
