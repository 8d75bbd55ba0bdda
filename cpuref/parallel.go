package cpuref

import (
	"runtime"
	"sync"
)

// enough is the words of work that are worth another goroutine.
const enough = 1 << 13

// parallel calls work for consecutive parts of 0..n-1 that cover it, on up to
// GOMAXPROCS goroutines when n items of cost words each are enough for that,
// and returns the error of the lowest part that has one.
func parallel(n, cost int, work func(from, to int) error) error {
	parts := min(runtime.GOMAXPROCS(0), n, n*cost/enough)
	if parts <= 1 {
		return work(0, n)
	}
	errs := make([]error, parts)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = work(n*i/parts, n*(i+1)/parts)
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
