package cpuref

import (
	"runtime"
	"sync"
)

// enough is the words of work that are worth another goroutine.
const enough = 1 << 13

// parallel calls work for consecutive parts of 0..n-1 that cover it, on up to
// GOMAXPROCS goroutines when n items of cost words each are enough for that. It
// fails as the lowest part that does.
func parallel(n, cost int, work func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n, n*cost/enough)
	if parts <= 1 {
		work(0, n)
		return
	}
	errs := make([]error, parts)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = try(func() { work(n*i/parts, n*(i+1)/parts) })
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			panic(failure{err})
		}
	}
}
