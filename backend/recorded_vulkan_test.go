package backend

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/internal/vulkantest"
)

// recorder is a text in a runtime's command buffers, and the same text by calls of Attend.
type recorder struct {
	t              *testing.T
	r              *vulkantest.Runtime
	c              *Cache
	recorded, text *Sequence
	buffer         device.Buffer
	seen           []uint32
	rng            *rand.Rand
	o              AttendOptions
	borrowed       bool // a recorded call worked in the reserve
}

// TestVulkanRecorded: recorded attention has the bits of Attend, and importance and with it
// bits of groups go on as after that, for each codec and options of attention.
func TestVulkanRecorded(t *testing.T) {
	ranged := Config{Layers: 2, KVHeads: 2, QueryHeads: 4, HeadDim: 32, Capacity: 300, MaxStepTokens: 40, HostBudget: 1 << 24, AdaptEvery: 3,
		OutlierFraction: .02, Policy: testQAQ(policy.Paper), Level: LevelLayer, LayerWindows: []int{20, 0}}
	for _, c := range []struct {
		name string
		cfg  Config
		o    AttendOptions
	}{
		{"window, soft cap", ranged, AttendOptions{Window: 20, SoftCap: 3, Scale: .3}},
		{"calibrated", calibratedConfig(2, 2, 32, 32), AttendOptions{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Synchronous, c.cfg.Sequences, c.cfg.MaxStepTokens, c.cfg.Reserve = true, 8, 120, 1<<30
			x := newRecorder(t, c.cfg, c.o)
			x.decode(120, 1, 33, 1, 7, 1, 1, 16)
			require.True(t, x.borrowed, "many queries work in the reserve")
			require.Equal(t, x.c.work.WholeRing(), x.recorded.window.Ring.Tokens, "command buffers hold it")
		})
	}
}

func newRecorder(t *testing.T, cfg Config, o AttendOptions) *recorder {
	x := &recorder{t: t, r: vulkantest.New(t), rng: rand.New(rand.NewPCG(5, 6)), o: o}
	d, err := device.Adopt(x.r.Handles(), device.Options{})
	require.NoError(t, err)
	x.c, err = New(d, cfg)
	require.NoError(t, err)
	x.recorded, err = x.c.NewSequence()
	require.NoError(t, err)
	x.text, err = x.c.NewSequence()
	require.NoError(t, err)
	words := cfg.Layers * cfg.MaxStepTokens * x.tokenWords()
	handle, seen := x.r.Buffer(words)
	x.buffer, err = device.Import(d, "runtime's", handle, words)
	require.NoError(t, err)
	x.seen = seen
	t.Cleanup(func() {
		x.c.Close()
		x.buffer.Release()
		require.NoError(t, d.Close())
		require.Zero(t, d.Stats().LiveBytes)
	})
	return x
}

// tokenWords are the words of k, v, q and out of a token and layer.
func (x *recorder) tokenWords() int { return 2*x.kv() + 2*x.q() }
func (x *recorder) kv() int         { return x.c.cfg.KVHeads * x.c.cfg.HeadDim }
func (x *recorder) q() int          { return x.c.cfg.QueryHeads * x.c.cfg.HeadDim }

// views are k, v, q and out of a step's tokens in a layer.
func (x *recorder) views(layer, tokens int) (list [4]device.View) {
	at := layer * x.c.cfg.MaxStepTokens * x.tokenWords()
	for i, words := range []int{x.kv(), x.kv(), x.q(), x.q()} {
		list[i] = device.View{Buffer: x.buffer, Offset: at, Words: tokens * words}
		at += tokens * words
	}
	return list
}

func (x *recorder) floats(v device.View) []float32 {
	out := make([]float32, v.Words)
	for i, w := range x.seen[v.Offset:][:v.Words] {
		out[i] = math.Float32frombits(w)
	}
	return out
}

func (x *recorder) decode(steps ...int) {
	for _, n := range steps {
		for i := range x.seen {
			x.seen[i] = math.Float32bits(float32(x.rng.NormFloat64()))
		}
		for layer := range x.c.cfg.Layers {
			v := x.views(layer, n)
			require.NoError(x.t, x.recorded.Append(layer, RowsView(F32, v[0]), RowsView(F32, v[1])))
		}
		free := slices.Clone(x.c.arena.Reserve()[0].Free())
		x.record(n).Discard() // the rows wait again
		recording := x.record(n)
		x.borrowed = x.borrowed || !slices.Equal(free, x.c.arena.Reserve()[0].Free())
		require.ErrorIs(x.t, x.text.Step(x.t.Context()), ErrRecorded)
		x.r.Submit()
		recording.Finish()
		recording.Discard() // nothing any more
		require.Equal(x.t, free, x.c.arena.Reserve()[0].Free())
		require.NoError(x.t, x.recorded.Step(x.t.Context()))
		for layer := range x.c.cfg.Layers {
			v := x.views(layer, n)
			require.NoError(x.t, x.text.Append(layer, RowsF32(x.floats(v[0])), RowsF32(x.floats(v[1]))))
			out := make([]float32, v[3].Words)
			require.NoError(x.t, x.text.Attend(x.t.Context(), layer, RowsF32(x.floats(v[2])), RowsF32(out), x.o))
			require.Equal(x.t, wordsOf(out), x.seen[v[3].Offset:][:v[3].Words], "layer %d, step of %d", layer, n)
		}
		require.NoError(x.t, x.text.Step(x.t.Context()))
		x.compare()
	}
	require.Positive(x.t, x.recorded.Stats().Stored)
}

// record records a step whose rows wait, from the last layer on: the first one recorded
// converts those of all.
func (x *recorder) record(n int) *Recording {
	recording, err := x.c.NewRecording(x.r.Begin())
	require.NoError(x.t, err)
	for layer := x.c.cfg.Layers - 1; layer >= 0; layer-- {
		v := x.views(layer, n)
		require.NoError(x.t, x.recorded.RecordAttend(recording, layer, RowsView(F32, v[2]), RowsView(F32, v[3]), x.o))
	}
	return recording
}

// compare compares what later steps depend on.
func (x *recorder) compare() {
	var a, b Inspection
	require.NoError(x.t, x.recorded.Inspect(&a))
	require.NoError(x.t, x.text.Inspect(&b))
	require.Equal(x.t, b, a)
	got, err := x.recorded.Importance()
	require.NoError(x.t, err)
	want, err := x.text.Importance()
	require.NoError(x.t, err)
	require.Equal(x.t, want, got)
	m, n := x.recorded.Stats().Moves, x.text.Stats().Moves
	require.Equal(x.t, []int64{n.Demoted, n.Promoted, n.Missed}, []int64{m.Demoted, m.Promoted, m.Missed})
}
