package calibrate

import (
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/internal/model/blas"
)

// Weights of rows: the squared norm of the gradient, at most its clip quantile in
// the window, to a power.
const (
	clip  = 0.99
	power = 0.65
)

// sampled is about how many rows of a head are kept for the tables: fewer than twice as
// many of a number of rows that is known, at most so many else.
const sampled = 1024

// moments are the sums over the rows of a head. Rows are taken less shift, turned
// to their page, so that sums of squares keep their digits where means are large.
type moments struct {
	d, every int
	most     int    // rows of the sample; 0: every says it all
	plain    bool   // no gradients: only ratios of costs are known
	turns    *turns // of keys; nil: of values
	shifts   *turns // of keys, to all windows of a context
	shift    []float64
	weight   float64
	second   []float64   // Σ w·y·yᵀ, [D][D]
	fisher   []float64   // Σ g·gᵀ, [D][D]; plain keys: of queries
	rows     int         // so far
	first    [][]float64 // Σ w·y by page, [D]
	weights  []float64   // Σ w by page
	sample   []float32   // some y, [..][D]
	pages    []int       // of the sample's rows
}

// newMoments returns the sums for rows of d elements, so many in all; 0: nobody knows.
func newMoments(d, rows int) *moments {
	m := &moments{d: d, every: max(1, rows/sampled), second: make([]float64, d*d), fisher: make([]float64, d*d)}
	if rows == 0 {
		m.most = sampled
	}
	return m
}

// add takes the rows from position from to to, which begin stride elements apart,
// and their gradients, nil where there are none.
func (m *moments) add(rows, gradients []float32, stride, from, to int) {
	if m.shift == nil {
		m.begin(rows, stride, from, to)
	}
	y, w := m.centred(rows, stride, from, to), make([]float64, to-from)
	for i := range w {
		w[i] = 1
	}
	if gradients != nil {
		g := gather(gradients, stride, from, to, m.d)
		m.outer(m.fisher, g)
		w = rowWeights(g, m.d)
	}
	m.rows += to - from
	for i := range w {
		row, page := y[i*m.d:(i+1)*m.d], m.turns.page(from+i)
		if (m.rows+i)%m.every == 0 {
			m.sample, m.pages = append(m.sample, row...), append(m.pages, page)
		}
		for e, x := range row {
			m.first[page][e] += w[i] * float64(x)
			row[e] = x * float32(math.Sqrt(w[i]))
		}
		m.weights[page] += w[i]
		m.weight += w[i]
	}
	m.outer(m.second, y)
	for m.most > 0 && len(m.pages) > m.most {
		m.thin()
	}
}

// thin drops every second row of the sample, and keeps half as many of those to come.
func (m *moments) thin() {
	kept := 0
	for i := 0; i < len(m.pages); i += 2 {
		copy(m.sample[kept*m.d:(kept+1)*m.d], m.sample[i*m.d:])
		m.pages[kept] = m.pages[i]
		kept++
	}
	m.sample, m.pages, m.every = m.sample[:kept*m.d], m.pages[:kept], 2*m.every
}

// begin sets the shift to the mean of the first window.
func (m *moments) begin(rows []float32, stride, from, to int) {
	pages := m.turns.pages()
	m.weights = make([]float64, pages)
	for range pages {
		m.first = append(m.first, make([]float64, m.d))
	}
	m.shift = make([]float64, m.d)
	row, turned := make([]float64, m.d), make([]float64, m.d)
	for i := from; i < to; i++ {
		for e, x := range rows[i*stride:][:m.d] {
			row[e] = float64(x)
		}
		m.turns.back(turned, row, m.turns.page(i))
		for e, x := range turned {
			m.shift[e] += x / float64(to-from)
		}
	}
}

// centred returns the rows less the shift, [to−from][D].
func (m *moments) centred(rows []float32, stride, from, to int) []float32 {
	out, turned, page := make([]float32, (to-from)*m.d), make([]float64, m.d), -1
	for i := from; i < to; i++ {
		if p := m.turns.page(i); p != page {
			page = p
			m.turns.to(turned, m.shift, page)
		}
		dst := out[(i-from)*m.d:][:m.d]
		for e, x := range rows[i*stride:][:m.d] {
			dst[e] = float32(float64(x) - turned[e])
		}
	}
	return out
}

// gather copies rows side by side.
func gather(rows []float32, stride, from, to, d int) []float32 {
	out := make([]float32, 0, (to-from)*d)
	for i := from; i < to; i++ {
		out = append(out, rows[i*stride:][:d]...)
	}
	return out
}

// outer adds rowsᵀ·rows to sum [D][D].
func (m *moments) outer(sum []float64, rows []float32) {
	product := make([]float32, m.d*m.d)
	a := blas.Matrix{Data: rows, Stride: m.d}
	blas.TMul(m.d, m.d, len(rows)/m.d, 1, a, a, 0, blas.Matrix{Data: product, Stride: m.d})
	for i, x := range product {
		sum[i] += float64(x)
	}
}

// rowWeights returns the weights of rows from their gradients [n][d]. Their scale
// is that of the gradients, so that windows count by what they carry.
func rowWeights(gradients []float32, d int) []float64 {
	norms := make([]float64, len(gradients)/d)
	for i := range norms {
		for _, x := range gradients[i*d : (i+1)*d] {
			norms[i] += float64(x) * float64(x)
		}
	}
	sorted := slices.Sorted(slices.Values(norms))
	limit := sorted[int(clip*float64(len(sorted)-1))]
	for i, x := range norms {
		norms[i] = math.Pow(min(x, limit), power)
	}
	return norms
}

// mean returns the weighted mean in the frame of position 0, less the shift.
func (m *moments) mean() []float64 {
	out, turned := make([]float64, m.d), make([]float64, m.d)
	for page, sum := range m.first {
		m.turns.back(turned, sum, page)
		for e, x := range turned {
			out[e] += x / m.weight
		}
	}
	return out
}

// covariance returns the weighted second moment of the rows less the mean, turned
// to their pages, [D][D].
func (m *moments) covariance(mean []float64) []float64 {
	out, at := slices.Clone(m.second), make([]float64, m.d)
	for page, sum := range m.first {
		m.turns.to(at, mean, page)
		for i := range m.d {
			for j := range m.d {
				out[i*m.d+j] += m.weights[page]*at[i]*at[j] - sum[i]*at[j] - at[i]*sum[j]
			}
		}
	}
	for i := range out {
		out[i] /= m.weight
	}
	return out
}
