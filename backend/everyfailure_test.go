package backend

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// fault is what goes wrong once.
type fault string

const (
	noBuffer  fault = "buffer" // the device has no memory for one
	noSubmit  fault = "submit" // a list is refused
	noEnd     fault = "end"    // a list runs and is said to have failed
	cancelled fault = "cancel" // the context is cancelled as a list is submitted
)

// faulty is a device on which one thing goes wrong, after so many that do not.
type faulty struct {
	device.Device
	mu     sync.Mutex
	fault  fault
	left   int // negative: all goes well
	cancel context.CancelFunc
}

func (d *faulty) strikes(f fault) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault != f || d.left < 0 {
		return false
	}
	d.left--
	return d.left < 0
}

func (d *faulty) NewBuffer(label string, words int, m device.Memory) (device.Buffer, error) {
	if d.strikes(noBuffer) {
		return nil, errBroken
	}
	return d.Device.NewBuffer(label, words, m)
}

func (d *faulty) Submit(l *device.List) (device.Ticket, error) {
	if d.strikes(noSubmit) {
		return nil, errBroken
	}
	t, err := d.Device.Submit(l)
	if err == nil && d.strikes(noEnd) {
		return failedTicket{t}, nil
	}
	if d.strikes(cancelled) {
		d.cancel()
	}
	return t, err
}

type failedTicket struct{ device.Ticket }

func (failedTicket) Wait(context.Context) error { return errBroken }

// story is the life of some sequences, the same whatever fails.
type story struct {
	t     *testing.T
	d     *faulty
	cfg   Config
	c     *Cache
	all   [2]*Sequence
	rng   *rand.Rand
	ctx   context.Context
	whole *story   // where nothing fails; nil: this one
	calls []string // what was there at first and after each call
	outs  []uint32 // what calls of Attend returned
	told  int      // errors
}

// call runs a call until it succeeds. What it leaves when it fails is what its
// documentation says.
func (s *story) call(name string, run func() error) {
	tokens := s.tokens()
	err := run()
	if err != nil {
		s.told++
		wanted := errBroken
		if s.d.fault == cancelled {
			wanted = context.Canceled
		}
		require.ErrorIs(s.t, err, wanted, name)
		var stop context.CancelFunc
		s.ctx, stop = context.WithCancel(context.Background())
		s.t.Cleanup(stop)
		switch {
		case errors.Is(err, ErrDeferred):
			require.Equal(s.t, "step", name)
			require.NotEqual(s.t, tokens, s.tokens(), "the step's tokens are in")
		case s.d.fault == noSubmit || s.d.fault == noBuffer:
			require.Equal(s.t, tokens, s.tokens(), name)
			before, now := s.whole.calls[len(s.calls)-1], s.state()
			if before != "" && now != "" && name != "adapt" { // which moves batch by batch
				require.Equal(s.t, before, now, name)
			}
		}
		require.NoError(s.t, run(), "%s again", name)
	}
	now := ""
	if s.whole == nil {
		now = s.state()
	} else if err != nil {
		require.Equal(s.t, s.whole.calls[len(s.calls)], s.state(), "%s again", name)
	}
	s.calls = append(s.calls, now)
}

func (s *story) tokens() (n [2][]int) {
	for i, q := range s.all {
		if q != nil {
			n[i] = append(slices.Clone(q.pending), q.Tokens())
		}
	}
	return n
}

// state is a digest of all that later calls can show, "" while rows wait: to look
// would take them to the ring.
func (s *story) state() string {
	left := s.d.left
	s.d.left = -1
	defer func() { s.d.left = left }()
	h := sha256.New()
	for i, q := range s.all {
		if q == nil || q.dropped {
			continue
		}
		if len(q.window.Waiting()) > 0 {
			return ""
		}
		s.addState(h, i, q)
	}
	st := s.c.Stats()
	require.Equal(s.t, s.d.Stats().LiveBytes, st.Bytes.Committed+st.Bytes.Staging)
	fmt.Fprint(h, st.K, st.V, st.Tokens, st.Stored, st.Sequences, st.Bytes.Host, st.NonFinite)
	return fmt.Sprintf("%x", h.Sum(nil))
}

func (s *story) addState(h io.Writer, i int, q *Sequence) {
	fmt.Fprint(h, i, q.extent)
	for layer := range s.cfg.Layers {
		n := q.layerTokens(layer)
		k, v := make([]float32, n*s.cfg.KVHeads*s.cfg.HeadDim), make([]float32, n*s.cfg.KVHeads*s.cfg.HeadDim)
		_, err := q.Read(layer, RowsF32(k), RowsF32(v))
		require.NoError(s.t, err)
		weights, err := q.ranged().importance.Read(layer, n)
		require.NoError(s.t, err)
		require.NoError(s.t, binary.Write(h, binary.LittleEndian, slices.Concat(k, v, weights)))
		for kind := range shaders.Kind(2) {
			fmt.Fprint(h, q.table.Bits(kind, layer, 0, q.storedPages()), q.ranged().memory[kind].State(layer))
		}
	}
}

func (s *story) values(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(s.rng.NormFloat64())
	}
	return v
}

// step appends n tokens to a sequence, attends or observes, and steps.
func (s *story) step(i, n int, attends bool) {
	row := s.cfg.KVHeads * s.cfg.HeadDim
	for layer := range s.cfg.Layers {
		k, v := RowsF32(s.values(n*row)), RowsF32(s.values(n*row))
		s.call("append", func() error { return s.all[i].Append(layer, k, v) })
		tokens, heads := s.all[i].layerTokens(layer), s.cfg.QueryHeads
		if !attends {
			probs := s.values(n * heads * tokens)
			s.call("observe", func() error { return s.all[i].Observe(layer, probs, n, heads) })
			continue
		}
		q, out := s.values(n*heads*s.cfg.HeadDim), make([]float32, n*heads*s.cfg.HeadDim)
		s.call("attend", func() error { return s.all[i].Attend(s.ctx, layer, RowsF32(q), RowsF32(out), AttendOptions{}) })
		s.outs = append(s.outs, wordsOf(out)...)
	}
	s.call("step", func() error { return s.all[i].Step(s.ctx) })
}

func (s *story) add(i int, make func() (*Sequence, error)) {
	s.call("add", func() (err error) { s.all[i], err = make(); return err })
}

func (s *story) tell() {
	s.add(0, func() (*Sequence, error) { return s.c.NewSequence() })
	for i, n := range []int{20, 20, 5, 1, 20, 20} {
		s.step(0, n, i%2 == 1)
	}
	s.call("adapt", func() error { _, err := s.all[0].Adapt(s.ctx); return err })
	s.add(1, func() (*Sequence, error) { return s.all[0].Fork() })
	s.step(1, 18, true)
	s.step(0, 3, false)
	s.call("rollback", func() error { return s.all[0].Rollback(2) })
	s.call("rollback", func() error { return s.all[1].Rollback(80) })
	s.step(1, 20, false)
	s.step(1, 2, true)
	s.call("drop", func() error { return s.all[0].Drop() })
	s.step(1, 20, true)
}

// tellStory tells the story with a fault behind so many chances for it, and finds it
// as the one where nothing fails.
func tellStory(t *testing.T, cfg Config, whole *story, f fault, behind int) *story {
	d := &faulty{Device: cpu(t), fault: f, left: -1}
	c, err := New(d, cfg)
	require.NoError(t, err)
	defer c.Close()
	s := &story{t: t, d: d, cfg: c.cfg, c: c, rng: rand.New(rand.NewPCG(5, 6)), whole: whole}
	s.ctx, d.cancel = context.WithCancel(context.Background())
	defer d.cancel()
	s.calls = []string{s.state()}
	d.left = behind
	s.tell()
	if whole != nil {
		require.Equal(t, whole.outs, s.outs, "%s behind %d", f, behind)
		require.Equal(t, whole.calls[len(whole.calls)-1], s.state(), "%s behind %d", f, behind)
	}
	return s
}

// Whatever fails, once, is told by a call, which has changed nothing or says that
// it has; after it is repeated, all is bit for bit as if nothing had failed.
func TestEveryFailureLeavesWhatIsDocumented(t *testing.T) {
	base := Config{Layers: 2, KVHeads: 1, QueryHeads: 2, HeadDim: 32, Capacity: 128, MaxStepTokens: 20, Recent: 3, PageTokens: 8,
		OutlierFraction: 0.07, Policy: testQAQ(policy.Paper), AdaptEvery: 3, Synchronous: true, HostBudget: 1 << 20, Sequences: 2}
	reserved, weighed := base, base
	reserved.Reserve = 48 << 10
	weighed.Policy = policy.Scissorhands{Budget: 30, Recent: 10, History: 4}
	for name, cfg := range map[string]Config{"segments": base, "reserve": reserved, "scissorhands": weighed} {
		t.Run(name, func(t *testing.T) {
			whole := tellStory(t, cfg, nil, "", -1)
			for _, f := range []fault{noBuffer, noSubmit, noEnd, cancelled} {
				n, told := 0, 0
				for ; ; n++ {
					s := tellStory(t, cfg, whole, f, n)
					told += s.told
					if s.d.left >= 0 { // there are no more of them
						break
					}
				}
				t.Logf("%s: %d, of which calls told %d", f, n, told)
				require.Positive(t, told)
				if f == noSubmit || f == noEnd {
					require.Equal(t, n, told)
				}
			}
		})
	}
}
