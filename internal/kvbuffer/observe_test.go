package kvbuffer_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// watched is a script that notes what is observed of layers.
type watched struct {
	*script
	steps [][3]int // layer, first, kept
}

func newWatched(t *testing.T) *watched {
	w := &watched{script: newScript(t, 1)}
	w.observe = func(o kvbuffer.Observed) {
		w.steps = append(w.steps, [3]int{o.Layer, o.First, o.Kept})
		assert.Equal(t, kvHeads, o.Shape.KVHeads)
		n := len(o.Q) / (heads * dim)
		require.Len(t, o.K, n*rowBytes)
		for i := range n { // cells are tokens here
			assert.Equal(t, w.row(o.Layer, 0, 0, o.First+i), o.K[i*rowBytes:][:rowBytes])
			assert.Equal(t, w.row(o.Layer, 1, 0, o.First+i), o.V[i*rowBytes:][:rowBytes])
		}
	}
	return w
}

// requireSteps requires that a step was observed in all layers, and forgets it.
func (w *watched) requireStep(first, kept int) {
	w.t.Helper()
	require.Equal(w.t, [][3]int{{0, first, kept}, {1, first, kept}, {2, first, kept}}, w.steps)
	w.steps = nil
}

func TestObserve(t *testing.T) {
	w := newWatched(t)
	w.step(maskOf(nil, []int32{0, 1, 2, 3}), 0, 1, 2, 3)
	w.requireStep(0, 0)
	w.step(maskOf(set(0, 4), []int32{4}), 4)
	w.requireStep(4, 4)
	w.step(maskOf(set(0, 3), []int32{3, 4}), 3, 4) // rewound
	w.requireStep(3, 3)
	w.write(w.r, 0, map[int][]int32{0: {5}}, []int{0}) // given up
	w.attend(w.r, 0, []int{0}, 1, map[int]kvbuffer.Mask{0: maskOf(set(0, 5), []int32{5})})
	require.Equal(t, [][3]int{{0, 5, 5}}, w.steps)
	w.steps = nil
	w.step(maskOf(set(0, 5), []int32{5, 6}), 5, 6)
	w.requireStep(5, 5)
	for c := int32(7); c < 30; c++ {
		w.step(maskOf(set(0, c), []int32{c}), c)
		w.requireStep(int(c), int(c))
	}
	w.step(maskOf(set(0, 9), []int32{9}), 9) // rewound further than the cache can
	w.requireStep(9, 9)
	require.NoError(t, w.b.Expose(0, 1, true)) // by way of memory
	w.step(maskOf(set(0, 10), []int32{10}), 10)
	w.requireStep(10, 0)
	require.NoError(t, w.b.Clear())
	w.step(maskOf(nil, []int32{0}), 0)
	w.requireStep(0, 0)
}

// A copy of a stream is none of the steps that were observed.
func TestObserveCopy(t *testing.T) {
	w := &watched{script: newScript(t, 2)}
	w.observe = func(o kvbuffer.Observed) { w.steps = append(w.steps, [3]int{o.Layer, o.First, o.Kept}) }
	w.step(maskOf(nil, []int32{0, 1}), 0, 1)
	w.requireStep(0, 0)
	for l := range layers {
		for kind := range 2 {
			n := cells * rowBytes
			done, err := w.b.Copy(w.tensor(l, kind)+n, w.tensor(l, kind), n)
			require.NoError(t, err)
			require.True(t, done)
			copy(w.want[w.tensor(l, kind)+n:][:n], w.want[w.tensor(l, kind):])
		}
	}
	for l := range layers {
		w.write(w.r, l, map[int][]int32{1: {2}}, []int{1})
		w.attend(w.r, l, []int{1}, 1, map[int]kvbuffer.Mask{1: maskOf(set(0, 2), []int32{2})})
	}
	w.requireStep(2, 0)
}
