package capi

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

type thing struct{}

func (*thing) kind() string { return "thing" }

// Of threads that close a handle at once, one gets its object.
func TestTakeGivesAnObjectOnce(t *testing.T) {
	for range 200 {
		h := enter(&thing{})
		var got atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := take[*thing](h); err == nil {
					got.Add(1)
				}
			})
		}
		all.Wait()
		require.Equal(t, int32(1), got.Load())
	}
}
