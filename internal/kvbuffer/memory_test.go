package kvbuffer_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// script runs graphs of one stream with given cells and masks.
type script struct {
	*memory
	r *rand.Rand
}

func newScript(t *testing.T, streams int) *script {
	return &script{newMemory(t, open(t), streams), rand.New(rand.NewPCG(5, 6))}
}

// step runs a graph for a batch of stream 0 that sees the cells of a set.
func (s *script) step(m kvbuffer.Mask, batch ...int32) {
	for l := range layers {
		s.write(s.r, l, map[int][]int32{0: batch}, []int{0})
		s.attend(s.r, l, []int{0}, len(batch), map[int]kvbuffer.Mask{0: m})
	}
}

func set(from, to int32) map[int32]bool {
	out := map[int32]bool{}
	for c := from; c < to; c++ {
		out[c] = true
	}
	return out
}

func (s *script) said(part string) int {
	n := 0
	for _, line := range s.log {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func (s *script) requireCounts(served, host int) {
	s.t.Helper()
	require.Equal(s.t, layers*served, s.served, "attentions from the cache")
	require.Equal(s.t, layers*host, s.host, "attentions from memory")
}

func TestMaskThatIsNotCausal(t *testing.T) {
	s := newScript(t, 1)
	s.step(maskOf(nil, []int32{0, 1, 2}), 0, 1, 2)
	m := maskOf(set(0, 3), []int32{3, 4})
	m.Values[4] = 0 // the first query sees the second token
	s.step(m, 3, 4)
	s.step(maskOf(set(0, 5), []int32{5}), 5)
	s.requireCounts(1, 2)
	assert.Equal(t, 1, s.said("not those of a text"), s.log)
	s.requireBytes(s.tensor(1, 1), 6*rowBytes)
	require.NoError(t, s.b.Clear())
	s.step(maskOf(nil, []int32{0}), 0)
	s.requireCounts(2, 2)
}

func TestMaskWithWeights(t *testing.T) {
	s := newScript(t, 1)
	m := maskOf(nil, []int32{0, 1})
	m.Values[cells] = 0xbc00 // -1
	s.step(m, 0, 1)
	s.requireCounts(0, 1)
}

// Two texts take turns in one stream, as with kv_unified.
func TestSharedStream(t *testing.T) {
	s := newScript(t, 1)
	s.step(maskOf(nil, []int32{0, 1}), 0, 1)
	s.step(maskOf(nil, []int32{2, 3}), 2, 3)
	s.step(maskOf(set(0, 2), []int32{4}), 4)
	s.step(maskOf(set(2, 4), []int32{5}), 5)
	s.requireCounts(2, 2)
	assert.Equal(t, 1, s.said("share the cells"), s.log)
}

// A window that moves hides the oldest tokens, step by step.
func TestSlidingWindow(t *testing.T) {
	s := newScript(t, 2)
	for c := int32(0); c < 30; c++ {
		s.step(maskOf(set(max(0, c-5), c), []int32{c}), c)
	}
	assert.Equal(t, 1, s.said("sliding window"), s.log)
	assert.Equal(t, layers*(6+8), s.served)
}

// Without flash attention, values lie transposed: an element a row.
func TestTransposedValues(t *testing.T) {
	s := newScript(t, 1)
	s.step(maskOf(nil, []int32{0, 1}), 0, 1)
	taken, err := s.b.SetRows(s.tensor(0, 1), 2, []int64{7}, nil)
	require.NoError(t, err)
	assert.False(t, taken)
	assert.Equal(t, 1, s.said("flash attention is off"), s.log)
	assert.Equal(t, s.want[:2*rowBytes], s.mem[:2*rowBytes])
}

// A graph that was given up leaves what its layers wrote in memory, and the next one
// writes the same cells.
func TestGivenUp(t *testing.T) {
	s := newScript(t, 1)
	s.step(maskOf(nil, []int32{0, 1}), 0, 1)
	batch := map[int][]int32{0: {2}}
	s.write(s.r, 0, batch, []int{0})
	s.attend(s.r, 0, []int{0}, 1, map[int]kvbuffer.Mask{0: maskOf(set(0, 2), []int32{2})})
	s.requireBytes(s.tensor(0, 0), 3*rowBytes)
	s.step(maskOf(set(0, 2), []int32{2, 3}), 2, 3)
	s.requireBytes(s.tensor(2, 1), 4*rowBytes)
}

// Layers that have no rows of their own attend to those of another.
func TestSecondAttention(t *testing.T) {
	s := newScript(t, 1)
	m := maskOf(nil, []int32{0, 1})
	s.step(m, 0, 1)
	for range 2 {
		s.attend(s.r, 1, []int{0}, 2, map[int]kvbuffer.Mask{0: m})
	}
	assert.Equal(t, layers+2, s.served)
	assert.Zero(t, s.host)
}

func TestNoCache(t *testing.T) {
	b := kvbuffer.New(make([]byte, 1<<16), kvbuffer.Options{Log: func(string) {}, New: func(kvbuffer.Shape) (*backend.Cache, error) {
		return nil, errors.New("no device")
	}})
	b.Add(kvbuffer.Tensor{Name: "cache_k_l0", F16: true, Row: 64, Cells: 4, Streams: 1})
	b.Add(kvbuffer.Tensor{Name: "cache_v_l0", At: 512, F16: true, Row: 64, Cells: 4, Streams: 1})
	m := kvbuffer.Mask{Values: []uint16{0, 0xfc00, 0xfc00, 0xfc00}, Stride: 4, Cells: 4}
	for kind := range 2 {
		taken, err := b.SetRows(512*kind, 128, []int64{0}, func(to []byte) { to[0] = 7 })
		require.NoError(t, err)
		assert.True(t, taken)
	}
	done, err := b.Attend(kvbuffer.Attention{Values: 512, QueryHeads: 1, KVHeads: 1, HeadDim: 64, Q: make([]float32, 64), Out: make([]float32, 64), Mask: m})
	require.NoError(t, err)
	assert.False(t, done)
	require.NoError(t, b.Attended(0, []bool{false}, 1))
	got := make([]byte, 513)
	require.NoError(t, b.Get(0, got))
	assert.Equal(t, []byte{7, 7}, []byte{got[0], got[512]})
}

func TestLayoutRefuses(t *testing.T) {
	k := kvbuffer.Tensor{Name: "cache_k_l0", F16: true, Row: 64, Cells: 4, Streams: 1}
	v := k
	v.Name, v.At = "cache_v_l0", 512
	for name, tensors := range map[string][]kvbuffer.Tensor{
		"is not f16":        {k, {Name: "cache_v_l0", Row: 64, Cells: 4, Streams: 1}},
		"another kind":      {{Name: "cache_s_l0", F16: true, Row: 64, Cells: 4, Streams: 1}},
		"different shapes":  {k, {Name: "cache_v_l0", F16: true, Row: 32, Cells: 4, Streams: 1}},
		"alone":             {k},
		"no tensors of key": {},
	} {
		var said string
		b := kvbuffer.New(make([]byte, 1024), kvbuffer.Options{Log: func(line string) { said = line }})
		for _, t := range tensors {
			b.Add(t)
		}
		taken, err := b.SetRows(0, 128, []int64{0}, nil)
		require.NoError(t, err)
		assert.False(t, taken)
		assert.Contains(t, said, name)
	}
}
