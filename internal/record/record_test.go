package record_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
	"github.com/qaqvk/qaqvk/internal/record"
)

const layers, heads, dim = 2, 2, 8

var (
	shape   = kvbuffer.Shape{Layers: layers, KVHeads: 1, QueryHeads: heads, HeadDim: dim}
	turning = record.Turning{Dims: dim, Mode: 2, Base: 10000, Scale: 1}
)

// text has the rows of any token and layer, before RoPE.
type text struct{ seed uint64 }

func (x text) row(layer, token, kind, n int) []float32 {
	r, out := rand.New(rand.NewPCG(x.seed, uint64(layer<<40|token<<8|kind))), make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64() + float64(i%dim)/2)
	}
	return out
}

// rows are those of tokens as a model has them, the first one at a position.
func (x text) rows(layer, from, n, position int) (q, k, v []float32) {
	rope, _ := turning.RoPE()
	cos, sin := make([]float32, dim/2), make([]float32, dim/2)
	for t := range n {
		rope.Turn(position+t, cos, sin)
		for kind, to := range []*[]float32{&q, &k, &v} {
			row := x.row(layer, from+t, kind, []int{heads * dim, dim, dim}[kind])
			for at := 0; kind < 2 && at < len(row); at += dim {
				rope.Rotate(row[at:at+dim], cos, sin)
			}
			*to = append(*to, row...)
		}
	}
	return q, k, v
}

func f16(rows []float32) (out []byte) {
	for _, x := range rows {
		out = binary.LittleEndian.AppendUint16(out, float16.Fromfloat32(x).Bits())
	}
	return out
}

// recording is a buffer that gets steps as kvbuffer tells them.
type recording struct {
	*record.Buffer
	r    *record.Recorder
	said []string
	text text
}

func newRecording() *recording {
	s := &recording{text: text{seed: 1}}
	s.r = record.New(func(line string) { s.said = append(s.said, line) })
	s.Buffer = s.r.Buffer()
	for _, name := range []string{"cache_k_l0", "cache_k_l1"} {
		s.Turned(name, turning)
	}
	return s
}

// layer tells of a step in a layer.
func (s *recording) layer(layer, stream, from, to, kept int) {
	q, k, v := s.text.rows(layer, from, to-from, from)
	s.Observe(kvbuffer.Observed{Shape: shape, Stream: stream, Layer: layer, First: from, Kept: kept, Q: q, K: f16(k), V: f16(v)})
}

// feed tells of tokens of a stream, so many a step, of which the first ones kept.
func (s *recording) feed(stream, from, to, batch, kept int) {
	for ; from < to; from, kept = from+batch, from+batch {
		for l := range layers {
			s.layer(l, stream, from, min(to, from+batch), kept)
		}
	}
}

// layers2 tells of a step of two streams at once.
func (s *recording) layers2(from, to int) {
	for l := range layers {
		s.layer(l, 0, from, to, from)
		s.layer(l, 1, from, to, from)
	}
}

// requireWindows ends the recording.
func (s *recording) requireWindows(t *testing.T, windows, tokens int) {
	t.Helper()
	s.Close()
	require.Equal(t, windows, s.r.Windows())
	r, err := s.r.Result(2, "ab")
	require.NoError(t, err)
	require.Equal(t, tokens, r.Tokens)
}

func TestWindows(t *testing.T) {
	for name, c := range map[string]struct {
		feed            func(s *recording)
		windows, tokens int
	}{
		"a long text":    {func(s *recording) { s.feed(0, 0, 2000, 100, 0) }, 2, 1000 + 4 + 1000},
		"in large steps": {func(s *recording) { s.feed(0, 0, 4096, 512, 0) }, 4, 4*1024 + 3*4},
		"in one step":    {func(s *recording) { s.feed(0, 0, 2000, 2000, 0) }, 1, 1024}, // what is too much is dropped
		"a rewind": {func(s *recording) {
			s.feed(0, 0, 600, 100, 0)
			s.feed(0, 400, 800, 100, 400)
		}, 2, 600 + 4 + 400},
		"a rewind to the first tokens": {func(s *recording) {
			s.feed(0, 0, 300, 100, 0)
			s.feed(0, 2, 302, 100, 2)
			s.feed(0, 0, 300, 100, 0)
		}, 2, 600},
		"restored, until a text begins": {func(s *recording) {
			s.feed(0, 0, 300, 100, 0)
			s.feed(0, 200, 700, 100, 0)
			s.feed(0, 0, 256, 1, 0)
		}, 2, 556},
		"absorbed behind what was kept": {func(s *recording) {
			s.feed(0, 0, 300, 100, 0)
			s.feed(0, 500, 900, 100, 300)
		}, 2, 300 + 4 + 400},
		"a step given up": {func(s *recording) {
			s.feed(0, 0, 256, 64, 0)
			s.layer(0, 0, 256, 300, 256)
			s.feed(0, 256, 280, 8, 256)
		}, 1, 280},
		"given up at the end": {func(s *recording) {
			s.feed(0, 0, 256, 64, 0)
			s.layer(0, 0, 256, 300, 256)
		}, 1, 256},
		"two texts at once, one window": {func(s *recording) {
			for at := range 500 {
				s.feed(0, at, at+1, 1, at)
				s.feed(1, at, at+1, 1, at)
			}
		}, 1, 500},
		"two texts at once, one behind the other": {func(s *recording) { // streams take turns in each layer
			for at := 0; at < 1024; at += 256 {
				s.layers2(at, at+256)
			}
			s.feed(1, 1024, 1324, 100, 1024)
		}, 2, 1024 + 4 + 300},
		"a text that never goes on": {func(s *recording) {
			s.feed(0, 0, 300, 100, 0)
			s.feed(1, 0, 1500, 100, 0)
		}, 2, 300 + 4 + 500}, // from token 1,000 on, when the other one had been silent for more than a window
	} {
		t.Run(name, func(t *testing.T) {
			s := newRecording()
			c.feed(s)
			s.requireWindows(t, c.windows, c.tokens)
			assert.Empty(t, s.said)
		})
	}
}

// A window from the middle of a text is what it would be at the beginning, behind the
// text's first tokens.
func TestWindowIsTurnedBack(t *testing.T) {
	const begin, n = 1100, 500
	s := newRecording()
	s.feed(0, 0, 100, 100, 0) // too short for a window of its own
	s.feed(0, begin, begin+n, 50, 100)
	s.Close()
	got, err := s.r.Result(2, "ab")
	require.NoError(t, err)

	rope, _ := turning.RoPE()
	c, err := calibrate.NewCollector(calibrate.Setup{Layers: layers, KVHeads: 1, QueryHeads: heads, HeadDim: dim, RoPE: rope, Window: 1024, ForwardOnly: true})
	require.NoError(t, err)
	require.NoError(t, c.Begin(4+n))
	record.Sum(c, shape, func(layer int) (q, k, v []float32) {
		q, k, v = s.text.rows(layer, 0, 4, 0)
		q2, k2, v2 := s.text.rows(layer, begin, n, 4)
		return append(q, q2...), append(k, k2...), append(v, v2...)
	})
	want, err := c.Result(calibrate.Options{Bits: 2, ForwardOnly: true}, "ab")
	require.NoError(t, err)
	assert.InDeltaSlice(t, want.Profile.Mean, got.Profile.Mean, 2e-3)
	assert.InDeltaSlice(t, want.Profile.Lambda, got.Profile.Lambda, 2e-2)
	assert.InDeltaSlice(t, want.Profile.Use, got.Profile.Use, 2e-2)
}

func TestNothingToMakeAProfileOf(t *testing.T) {
	s := newRecording()
	_, err := s.r.Result(2, "ab")
	require.ErrorIs(t, err, record.ErrNothing)
	s.feed(0, 0, 255, 50, 0)
	s.Close()
	_, err = s.r.Result(2, "ab")
	require.ErrorIs(t, err, calibrate.ErrText)
	assert.ErrorContains(t, err, "longest window has 255 tokens, at least 256")
	assert.Zero(t, s.r.Windows())
}

// Buffers of a process are of one model; others are said and left out.
func TestOtherModels(t *testing.T) {
	s := newRecording()
	s.feed(0, 0, 300, 100, 0)
	s.Close()
	other := s.r.Buffer()
	wide := shape
	wide.Layers = 3
	other.Observe(kvbuffer.Observed{Shape: wide})
	require.Len(t, s.said, 1)
	assert.Contains(t, s.said[0], "another model is not recorded: 3 layers")
	s.Buffer = s.r.Buffer() // how its keys turn is not told
	s.feed(0, 0, 300, 100, 0)
	s.requireWindows(t, 1, 300)
	assert.Contains(t, s.said[1], "keys of 0 layers of 2 were seen")
	assert.Contains(t, s.said[2], "positions turn its keys in another way")
}

// A model of unknown RoPE has a profile whose means are not turned.
func TestUnknownRoPE(t *testing.T) {
	s := newRecording()
	s.Buffer = s.r.Buffer()
	s.Turned("cache_k_l0", turning)
	s.Turned("cache_k_l1", record.Turning{Unknown: "no RoPE op writes them"})
	assert.False(t, s.Wonders("cache_k_l1"))
	assert.True(t, s.Wonders("cache_k_l2"))
	s.feed(0, 0, 300, 100, 0)
	s.requireWindows(t, 1, 300)
	require.Len(t, s.said, 1)
	assert.Contains(t, s.said[0], "so their mean is a plain one: cache_k_l1: no RoPE op writes them")
	r, err := s.r.Result(2, "ab")
	require.NoError(t, err)
	assert.Equal(t, profile.RoPE{}, r.Profile.RoPE)
}
