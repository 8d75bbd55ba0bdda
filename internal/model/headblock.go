package model

import "github.com/qaqvk/qaqvk/internal/model/blas"

// queryHead is one query head of headGradients.
type queryHead struct {
	*headGradients
	s     *headScratch
	query int
}

// head returns a query head with its arrays.
func (g *headGradients) head(query int) queryHead {
	s := &g.heads[query]
	rows := min(queryRows, g.n)
	s.probs, s.grads = grow(s.probs, rows*g.n), grow(s.grads, rows*g.n)
	if g.options.SoftCap != 0 {
		s.slopes = grow(s.slopes, rows*g.n)
	}
	return queryHead{g, s, query}
}

// of returns the head's rows from a token on in rows of all query heads.
func (h queryHead) of(rows []float32, first int) blas.Matrix {
	width := h.QueryHeads * h.HeadDim
	return blas.Matrix{Data: rows[first*width+h.query*h.HeadDim:], Stride: width}
}

func (h queryHead) keys() blas.Matrix   { return h.kv(h.k) }
func (h queryHead) values() blas.Matrix { return h.kv(h.v) }

func (h queryHead) kv(rows []float32) blas.Matrix {
	return blas.Matrix{Data: rows[h.query/h.Group()*h.HeadDim:], Stride: h.KVHeads * h.HeadDim}
}

// probabilities returns those of queries first to last over the keys before last,
// [last−first][last], and keeps the slopes of the cap.
func (h queryHead) probabilities(first, last int) blas.Matrix {
	p := blas.Matrix{Data: h.s.probs[:(last-first)*last], Stride: last}
	blas.MulT(last-first, last, h.HeadDim, h.scale(), h.of(h.q, first), h.keys(), 0, p)
	limit := h.options.SoftCap
	for i := range last - first {
		seen, from := first+i+1, 0
		if w := h.options.Window; w > 0 {
			from = max(0, seen-w)
		}
		row := p.Data[i*last : (i+1)*last]
		softCap(row[from:seen], limit)
		if limit != 0 {
			copy(h.s.slopes[i*last:(i+1)*last], capSlopes(row, limit))
		}
		softmax(row, from, seen)
	}
	return p
}

// share adds each token's shares of the squared probabilities of queries first to last
// to their blocks.
func (h queryHead) share(p blas.Matrix, first, last int) {
	for i := first; i < last; i++ {
		row, squares := p.Data[(i-first)*p.Stride:][:i+1], float32(0)
		for _, x := range row {
			squares += x * x
		}
		sum := h.s.shares[i/AttendedBlock*h.n:]
		for j, x := range row {
			sum[j] += x * x / squares
		}
	}
}

// backward computes the head's gradients: those of its queries into dq
// [n][QueryHeads][D], those of keys and values of near and of far queries apart.
func (h queryHead) backward(dq []float32) {
	s, d := h.s, h.HeadDim
	for _, a := range []*[]float32{&s.k, &s.v, &s.farK, &s.farV} {
		*a = grow(*a, h.n*d)
		clear(*a)
	}
	width := min(queryRows, h.n) + h.distance
	s.near, s.nearV = grow(s.near, queryRows*width), grow(s.nearV, queryRows*width)
	for first := 0; first < h.n; first += queryRows {
		last := min(first+queryRows, h.n)
		p := h.probabilities(first, last)
		ds := h.scores(p, first, last)
		blas.Mul(last-first, d, last, 1, ds, h.keys(), 0, h.of(dq, first))
		h.spread(ds, h.of(h.q, first), s.near, s.k, s.farK, first, last)
		h.spread(p, h.of(h.out, first), s.nearV, s.v, s.farV, first, last)
	}
}

// scores returns the gradients of the scores, without their scale, times it.
func (h queryHead) scores(p blas.Matrix, first, last int) blas.Matrix {
	ds := blas.Matrix{Data: h.s.grads[:(last-first)*last], Stride: last}
	blas.MulT(last-first, last, h.HeadDim, 1, h.of(h.out, first), h.values(), 0, ds)
	scale := h.scale()
	for i := range last - first {
		probs, grads := p.Data[i*last:(i+1)*last], ds.Data[i*last:(i+1)*last]
		var along float64
		for j, x := range probs {
			along += float64(x * grads[j])
		}
		mean := float32(along)
		for j, x := range probs {
			grads[j] = x * (grads[j] - mean) * scale
		}
		if h.options.SoftCap != 0 {
			for j, x := range h.s.slopes[i*last : (i+1)*last] {
				grads[j] *= x
			}
		}
	}
	return ds
}

// spread adds wᵀ·rows to the gradients of keys or values: far those of queries at
// least distance tokens later, near those of the others. w keeps the far part.
func (h queryHead) spread(w, rows blas.Matrix, near, nearTo, farTo []float32, first, last int) {
	d, n := h.HeadDim, last-first
	from := max(0, first-h.distance+1)
	part := blas.Matrix{Data: near, Stride: last - from}
	for i := range n {
		row, dst := w.Data[i*w.Stride:][:last], near[i*part.Stride:][:part.Stride]
		edge := max(from, first+i-h.distance+1) // first near key
		clear(dst[:edge-from])
		copy(dst[edge-from:], row[edge:])
		clear(row[edge:])
	}
	blas.TMul(last-from, d, n, 1, part, rows, 1, blas.Matrix{Data: nearTo[from*d:], Stride: d})
	far := max(0, last-h.distance)
	blas.TMul(min(far, last), d, n, 1, w, rows, 1, blas.Matrix{Data: farTo, Stride: d})
}
