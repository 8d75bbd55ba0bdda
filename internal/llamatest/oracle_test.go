//go:build ggml

package llamatest_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/llamatest"
)

var (
	oracles = flag.Int("oracles", 24, "random sequences of calls of TestOracle")
	first   = flag.Int("first", 0, "the first of them")
)

// pair are two processes that get the same calls: llama.cpp with its own buffer, and
// with ours.
type pair struct {
	t           *testing.T
	plain, ours *process
	history     []string
	worst       float64
}

// call calls both and requires the same answer.
func (p *pair) call(name string, numbers ...int) int {
	p.history = append(p.history, fmt.Sprint(name, numbers))
	want, got := p.plain.call(name, numbers...), p.ours.call(name, numbers...)
	require.Equal(p.t, want, got, p.text())
	return got
}

func (p *pair) text() string { return strings.Join(p.history, "; ") }

// most is what logits may differ by: ggml's attention sums in f16.
const mostApart = 0.05

// decode runs a batch in both and compares the logits of all tokens.
func (p *pair) decode(batch []llamatest.Token) bool {
	p.history = append(p.history, fmt.Sprint("decode", batch))
	result, want, err := p.plain.Decode(batch)
	require.NoError(p.t, err)
	other, got, err := p.ours.Decode(batch)
	require.NoError(p.t, err, p.text())
	require.Equal(p.t, result, other, p.text())
	for i := range want {
		for j := range want[i] {
			apart := float64(max(want[i][j]-got[i][j], got[i][j]-want[i][j]))
			if p.worst = max(p.worst, apart); !(apart <= mostApart) {
				require.Failf(p.t, "logits", "token %d of %v: %v, want %v, after %s", i, batch[i], got[i][j], want[i][j], p.text())
			}
		}
	}
	return result == 0
}

// walk is a random sequence of calls.
type walk struct {
	*pair
	r         *rand.Rand
	sequences int
	unified   bool
	last      []int // position of the last token of each sequence, -1: none
	states    [][]byte
	of        []*process
}

// see asks for the positions.
func (w *walk) see() {
	for s := range w.last {
		w.last[s] = w.call("last", s)
	}
}

func (w *walk) batch() (out []llamatest.Token) {
	n, all := 1+w.r.IntN(5), []int{w.r.IntN(w.sequences)}
	if w.r.IntN(3) == 0 {
		all = w.r.Perm(w.sequences)
	}
	for _, s := range all {
		for i := range n {
			out = append(out, llamatest.Token{ID: w.r.IntN(256), Position: w.last[s] + 1 + i, Sequence: s, Wanted: true})
		}
	}
	return out
}

// act makes one call, and what must follow it.
func (w *walk) act() {
	s := w.r.IntN(w.sequences)
	switch last := w.last[s]; w.r.IntN(16) {
	case 0, 1: // rewind
		w.call("rm", s, max(0, last-w.r.IntN(8)), -1)
	case 2: // a context that is full: remove some, move the rest
		if from, n := w.r.IntN(4), 1+w.r.IntN(6); last > from+n {
			w.call("rm", s, from, from+n)
			w.call("add", s, from+n, -1, -n)
		}
	case 3:
		if to := w.r.IntN(w.sequences); to != s {
			w.call("rm", to, -1, -1)
			w.call("cp", s, to, -1, -1)
			w.see()
			w.decode(w.batch()) // copies rows: a state that is saved before has others
		}
	case 4:
		w.restore(s)
	case 5:
		if w.r.IntN(4) == 0 {
			w.call("clear", w.r.IntN(2))
		}
	case 6:
		if w.r.IntN(6) == 0 {
			w.restore(-1)
		}
	case 7:
		if w.r.IntN(8) == 0 {
			w.call("keep", s)
		}
	default:
		w.decode(w.batch())
	}
	w.see()
}

// restore saves a sequence, all for -1, lets something come between, and restores it.
func (w *walk) restore(s int) {
	a, err := w.plain.Get(s)
	require.NoError(w.t, err)
	b, err := w.ours.Get(s)
	require.NoError(w.t, err)
	require.Len(w.t, b, len(a), w.text())
	to := s
	if s >= 0 {
		to = w.r.IntN(w.sequences)
	}
	if w.r.IntN(2) == 0 {
		w.decode(w.batch())
	}
	w.history = append(w.history, fmt.Sprint("restore ", s, " as ", to))
	want, err := w.plain.Set(to, a)
	require.NoError(w.t, err)
	got, err := w.ours.Set(to, b)
	require.NoError(w.t, err)
	require.Equal(w.t, want, got, w.text())
}

// TestOracle makes random calls of llama.cpp's memory, with rows as they came: nothing
// aborts, and all logits are those of llama.cpp's own buffer.
func TestOracle(t *testing.T) {
	tiny := tinyFloats(t)
	attended, host, worst := int64(0), int64(0), 0.0
	for seed := *first; seed < *first+*oracles; seed++ {
		o := llamatest.Options{Context: 256 * (1 + seed%3), Sequences: 1 + seed%3, Unified: seed%8 == 7, Batch: 64, NoFlash: seed%16 == 9, Model: tiny}
		env := "QAQVK_HOST_BUDGET=" + fmt.Sprint(seed%2)
		w := &walk{pair: &pair{t: t}, r: rand.New(rand.NewPCG(uint64(seed), 4)), sequences: o.Sequences, last: make([]int, o.Sequences)}
		w.plain, w.ours = start(t, "", o), start(t, "none", o, env, "QAQVK_DEVICE=cpu")
		w.see()
		for range 60 {
			w.act()
		}
		w.plain.end()
		for _, r := range w.ours.end() {
			attended, host = attended+r.Ops.Attended, host+r.Ops.Host
		}
		worst = max(worst, w.worst)
	}
	t.Logf("%d attentions from the cache, %d from memory, logits at most %.4f apart", attended, host, worst)
	assert.Greater(t, attended, 2*host)
}
