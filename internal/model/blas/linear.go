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

// Linear computes y = x·wᵀ + beta·y for x [n][in], w [out][in], y [n][out],
// with the rows of w divided among the processors. The result does not depend
// on how many there are.
func Linear(y, x, w []float32, n, in, out int, beta float32) {
	grains := (out + grain - 1) / grain
	parts := min(maxParts, grains)
	Parallel(parts, func(p int) {
		first, last := grains*p/parts*grain, min(grains*(p+1)/parts*grain, out)
		linear(y, x, w, n, in, out, first, last, beta)
	})
}

// linear computes the columns first to last of y.
func linear(y, x, w []float32, n, in, out, first, last int, beta float32) {
	if n == 1 {
		gemv(last-first, in, w[first*in:last*in], x[:in], beta, y[first:last])
		return
	}
	MulT(n, last-first, in, 1, Matrix{x, in}, Matrix{w[first*in:], in}, beta, Matrix{y[first:], out})
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
