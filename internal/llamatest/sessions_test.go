//go:build ggml

package llamatest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/llamatest"
)

// Two sessions in one context, a step for both at once, rewinds, and a copy: each is
// what one is that was read afresh.
func TestSessions(t *testing.T) {
	p := start(t, "calibrated", llamatest.Options{Sequences: 2, Batch: 128})
	tokens := p.tokens(prose)
	p.feed(0, 0, 100, tokens[:120]...) // in batches that end where the rewind does: products depend on them
	p.feed(1, 0, 64, tokens[20:60]...)
	both := p.decode(llamatest.Token{ID: tokens[120], Position: 120, Sequence: 0, Wanted: true},
		llamatest.Token{ID: tokens[60], Position: 40, Sequence: 1, Wanted: true})
	require.Equal(t, 1, p.call("rm", 0, 100, -1))
	got := p.feed(0, 100, 10, tokens[10:30]...)
	p.call("rm", 1, -1, -1)
	p.call("cp", 0, 1, -1, -1)
	copied := p.feed(1, 120, 1, tokens[:4]...)
	requireSame(t, p.feed(0, 120, 1, tokens[:4]...), copied, "of a copy")
	log := p.Log()
	report := p.end()
	assert.Zero(t, report[0].Ops.Host, log)
	assert.GreaterOrEqual(t, report[0].Ops.Rolled, int64(21))

	fresh := start(t, "calibrated", llamatest.Options{Sequences: 2, Batch: 128})
	fresh.feed(0, 0, 100, tokens[:100]...)
	want := fresh.feed(0, 100, 10, tokens[10:30]...)
	requireSame(t, want, got, "after a rewind")
	fresh.end()

	plain := start(t, "", llamatest.Options{Sequences: 2, Batch: 128})
	plain.feed(0, 0, 100, tokens[:120]...)
	plain.feed(1, 0, 64, tokens[20:60]...)
	other := plain.decode(llamatest.Token{ID: tokens[120], Position: 120, Sequence: 0, Wanted: true},
		llamatest.Token{ID: tokens[60], Position: 40, Sequence: 1, Wanted: true})
	plain.end()
	assert.Less(t, llamatest.Divergence(other[1], both[1]), 0.05)
}

// Saved, restored as another sequence of another process, and gone on with: as if
// nothing had been.
func TestSaveAndRestore(t *testing.T) {
	for _, policy := range []string{"none", "qaq"} {
		t.Run(policy, func(t *testing.T) {
			o := llamatest.Options{Sequences: 3, Model: tinyFloats(t), Context: 768}
			p := start(t, policy, o)
			tokens := p.tokens(prose)[:140]
			p.feed(0, 0, 64, tokens[:100]...)
			state, err := p.Get(0)
			require.NoError(t, err)
			want := p.feed(0, 100, 8, tokens[100:]...)
			p.end()

			q := start(t, policy, o)
			q.feed(2, 0, 64, tokens[50:70]...)
			taken, err := q.Set(2, state)
			require.NoError(t, err)
			require.Equal(t, len(state), taken)
			got := q.feed(2, 100, 8, tokens[100:]...)
			report := q.end()
			assert.Equal(t, int64(100), report[0].Ops.Absorbed)
			if policy == "none" {
				requireSame(t, want, got, "restored")
			}
			assert.Less(t, llamatest.MeanDivergence(want, got), 0.02)
		})
	}
}

// A text that outgrows the context: some of it goes, the rest is shifted, and rows lie
// in the cache again afterwards.
func TestOverflow(t *testing.T) {
	long := func(policy string) (logits [][]float32, log string, absorbed int64) {
		p := start(t, policy, llamatest.Options{Context: 256})
		tokens := p.tokens(prose + "\n" + prose)[:300]
		logits = p.feed(0, 0, 64, tokens[:250]...)
		require.Equal(t, 1, p.call("rm", 0, 4, 104))
		p.call("add", 0, 104, -1, -100)
		logits = append(logits, p.feed(0, 150, 10, tokens[250:]...)...)
		for _, r := range p.end() {
			assert.Zero(t, r.Ops.Host)
			absorbed = r.Ops.Absorbed
		}
		return logits, p.Log(), absorbed
	}
	want, _, _ := long("")
	calibrated, log, absorbed := long("calibrated")
	assert.Equal(t, int64(150), absorbed)
	d := llamatest.MeanDivergence(want[250:], calibrated[250:])
	t.Logf("divergence after the shift %.5f", d)
	assert.Less(t, d, 0.04)
	assert.Contains(t, log, "profile that ships for "+gguf)
}
