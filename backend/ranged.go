package backend

import (
	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/attend"
	"github.com/qaqvk/qaqvk/backend/internal/choose"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/importance"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/store"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// ranged is the scheme of the paper's codec.
type ranged struct {
	*choose.Chooser
	work   *core.Work
	layout *importance.Layout
}

func newRanged(w *core.Work, p policy.Policy) (*ranged, error) {
	chooser, err := choose.New(w, p)
	if err != nil {
		return nil, err
	}
	layout, err := importance.NewLayout(w, chooser.NeedsImportance())
	if err != nil {
		return nil, err
	}
	return &ranged{chooser, w, layout}, nil
}

func (r *ranged) staging() (scratch, plan, out int) {
	return store.LeastScratch(r.work.Geometry, r.work.Limits.ViewAlign), store.LeastPlan(r.work), 2 * core.RoundUp(r.work.PageGroups, r.work.Limits.ViewAlign)
}

func (r *ranged) importanceWords() int             { return r.layout.Words() }
func (r *ranged) importanceBytes(tokens int) int64 { return r.layout.Bytes(tokens) }
func (r *ranged) tableBytes() int64                { return 0 }
func (r *ranged) paperBytes(n *pages.Counts) int64 { return n.PaperBytes(r.work.Geometry) }
func (r *ranged) roundUnits(int) int               { return 1 }
func (r *ranged) close()                           {}

// meanBits are the bits of codes.
func (r *ranged) meanBits(n *pages.Counts, k shaders.Kind) float64 {
	var groups, sum int64
	for bits, count := range n.Groups[k] {
		groups += count
		sum += count * int64(shaders.PlainBits(uint8(bits)))
	}
	return float64(sum) / float64(max(1, groups))
}

// rangedState is importance, and what the policy remembers.
type rangedState struct {
	*ranged
	of         *Sequence
	importance *importance.Importance
	memory     [2]*choose.Memory // by kind
}

func (r *ranged) newState(s *Sequence) (state, error) {
	m, err := importance.New(r.layout, s.id)
	if err != nil {
		return nil, err
	}
	return &rangedState{r, s, m, [2]*choose.Memory{r.NewMemory(), r.NewMemory()}}, nil
}

func (r *rangedState) attended(layer, queries int) attend.Importance {
	return r.importance.Call(layer, queries)
}

func (r *rangedState) done(layer, queries, tokens int) { r.importance.Done(layer, queries, tokens) }

func (r *rangedState) observe(layer int, probs []float32, queries, queryHeads, tokens int) error {
	return r.importance.Observe(layer, probs, queries, queryHeads, tokens)
}

func (r *rangedState) readImportance(stored int) ([][]float32, error) {
	if !r.layout.Kept {
		return nil, nil
	}
	return r.importance.ReadAll(stored)
}

// choice chooses the bits of groups of a kind for the first `tokens` tokens of
// the sequence, which holds `holds`.
func (r *rangedState) choice(k shaders.Kind, holds, tokens int) *choose.Choice {
	return r.Begin(k, r.importance, r.memory[k], holds, tokens)
}

func (r *rangedState) choosing(tokens, stored int) adapt.Choosing {
	var c choose.Stored
	for k, rule := range r.Rules {
		if !rule.Fixed {
			c[k] = r.choice(shaders.Kind(k), tokens, stored)
		}
	}
	return c
}

func (r *rangedState) encoder(tokens int) store.Encoder {
	holds := r.of.extent.Tokens
	return &store.Ranged{Work: r.work, Ring: r.of.window.Ring, Importance: r.layout,
		Choices: [2]*choose.Choice{r.choice(shaders.Key, holds, tokens), r.choice(shaders.Value, holds, tokens)}}
}

func (r *rangedState) copyTo(f state) error {
	to := f.(*rangedState)
	for k := range r.memory {
		*to.memory[k] = *r.memory[k].Clone()
	}
	return r.importance.CopyTo(to.importance)
}

func (r *rangedState) forget(tokens, stored int) {
	r.importance.Forget(tokens)
	for _, m := range r.memory {
		m.Truncate(stored)
	}
}

func (r *rangedState) hostBytes() int64 {
	return r.memory[shaders.Key].Bytes() + r.memory[shaders.Value].Bytes()
}

func (r *rangedState) release() { r.importance.Release() }
