package capi

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
)

func openCPU(t *testing.T) Handle {
	d, err := OpenDevice("cpu", device.Options{})
	require.NoError(t, err)
	return d
}

func newCache(t *testing.T, d Handle) Handle {
	c, err := NewCache(d, Config{Config: backend.Config{Layers: 1, KVHeads: 1, QueryHeads: 1, HeadDim: 32, Capacity: 64, Sequences: 8, Type: backend.F32}})
	require.NoError(t, err)
	return c
}

// row is a row of host memory.
func row(v *[32]float32) Rows {
	return Rows{Type: uint32(backend.F32), Host: unsafe.Pointer(v), Size: 128}
}

// decode takes steps of a token and returns the last output; its error may be that of a
// cache that was closed meanwhile.
func decode(cache Handle, steps int) (out [32]float32, err error) {
	s, err := NewSequence(cache)
	if err != nil {
		return out, err
	}
	for i := range steps {
		x := [32]float32{float32(i), 1}
		if err = Append(s, 0, row(&x), row(&x)); err != nil {
			return out, err
		}
		if err = Attend(s, 0, row(&x), row(&out), backend.AttendOptions{}); err != nil {
			return out, err
		}
		if err = Step(s); err != nil {
			return out, err
		}
	}
	return out, nil
}

// TestCallsWait: calls of one cache from several goroutines give what they give alone.
func TestCallsWait(t *testing.T) {
	d := openCPU(t)
	c := newCache(t, d)
	want, err := decode(c, 40)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			got, err := decode(c, 40)
			assert.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
	all.Wait()
	require.NoError(t, CloseCache(c))
	require.NoError(t, CloseDevice(d))
	require.Zero(t, Open())
}

// TestCloseMeanwhile: closing a cache while others use it ends their calls by an error.
func TestCloseMeanwhile(t *testing.T) {
	for range 20 {
		d := openCPU(t)
		c := newCache(t, d)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				_, err := decode(c, 60)
				if err != nil && !errors.Is(err, ErrHandle) && !errors.Is(err, backend.ErrClosed) {
					assert.NoError(t, err)
				}
			})
		}
		for err := error(ErrInUse); err != nil; err = CloseDevice(d) {
			require.ErrorIs(t, err, ErrInUse)
			if err := CloseCache(c); err != nil {
				require.ErrorIs(t, err, ErrHandle)
			}
		}
		all.Wait()
		require.Zero(t, Open())
	}
}

func TestFind(t *testing.T) {
	d := openCPU(t)
	_, err := find[*openCache](d)
	require.EqualError(t, err, fmt.Sprintf("capi: cache %d: it is not open, or of another kind: no such handle", d))
	require.NoError(t, CloseDevice(d))
	next := openCPU(t)
	require.Greater(t, next, d)
	require.NoError(t, CloseDevice(next))
}
