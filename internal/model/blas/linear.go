package blas

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A product is cut into at most maxParts parts of whole grains of output rows,
// whatever the number of processors, because OpenBLAS sums in another order
// when the shape of a call changes.
const (
	grain    = 64
	maxParts = 16
)

// Linear computes y = alpha·x·wᵀ + beta·y for x [n][in], w [out][in], y
// [n][out], with the rows of w divided among the processors. The result does
// not depend on how many there are.
func Linear(y, x, w []float32, n, in, out int, alpha, beta float32) {
	parts(out, func(first, last int) {
		linear(y, x, w[first*in:last*in], n, in, out, first, last, alpha, beta)
	})
}

// blockElems is about how many weights LinearRows has read at once and
// processor: they stay in its second-level cache until they are multiplied.
const blockElems = 1 << 16

// LinearRows is Linear for weights that are read as they are used: read fills
// dst with whole rows of w from the given one on, called by several goroutines
// at once. The first error of read is returned, and y is then undefined.
func LinearRows(y, x []float32, read func(dst []float32, first int) error, n, in, out int, alpha, beta float32) error {
	var failed atomic.Pointer[error]
	rows := max(4, blockElems/in/4*4) // whole groups of rows as the library takes them
	parts(out, func(first, last int) {
		w := scratch.Get().(*[]float32)
		defer scratch.Put(w)
		for ; first < last && failed.Load() == nil; first += rows {
			end := min(first+rows, last)
			if cap(*w) < (end-first)*in {
				*w = make([]float32, rows*in)
			}
			block := (*w)[:(end-first)*in]
			if err := read(block, first); err != nil {
				failed.CompareAndSwap(nil, &err)
				return
			}
			linear(y, x, block, n, in, out, first, end, alpha, beta)
		}
	})
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// scratch holds the blocks of LinearRows.
var scratch = sync.Pool{New: func() any { return new([]float32) }}

// parts calls f with the first and the last row, exclusive, of each part.
func parts(out int, f func(first, last int)) {
	grains := (out + grain - 1) / grain
	n := min(maxParts, grains)
	Parallel(n, func(p int) { f(grains*p/n*grain, min(grains*(p+1)/n*grain, out)) })
}

// linear computes the columns first to last of y from their rows w.
func linear(y, x, w []float32, n, in, out, first, last int, alpha, beta float32) {
	if n == 1 {
		gemv(last-first, in, alpha, w, x[:in], beta, y[first:last])
		return
	}
	MulT(n, last-first, in, alpha, Matrix{x, in}, Matrix{w, in}, beta, Matrix{y[first:], out})
}

// LinearT computes y = alpha·x·w + beta·y for x [n] rows that begin stride elements
// apart, w [out][in], y [n][in]: the gradient of what Linear computes. Rows of y are
// divided among the processors; the result does not depend on how many there are.
func LinearT(y, x, w []float32, n, in, out, stride int, alpha, beta float32) {
	Parallel((n+grain-1)/grain, func(p int) {
		first, last := p*grain, min((p+1)*grain, n)
		Mul(last-first, in, out, alpha, Matrix{x[first*stride:], stride}, Matrix{w, in}, beta, Matrix{y[first*in:], in})
	})
}

// Parallel calls f(0) … f(n−1), each once, on up to GOMAXPROCS goroutines, and
// returns when all calls have.
func Parallel(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i)
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
