package choose

import (
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// Memory is what a policy gave and keeps for the groups of a kind of a sequence.
type Memory struct{ groups []remembered } // by layer group

// remembered is the same of a layer group.
type remembered struct {
	when    moment
	weights [][]float32 // [group of a token][token]
	state   [][]uint32  // the same
}

// moment is when a policy was asked: what it gives does not change before the
// next one.
type moment struct{ holds, tokens, queries int }

// NewMemory is that of an empty sequence.
func (c *Chooser) NewMemory() *Memory { return &Memory{make([]remembered, c.work.LayerGroups)} }

// given are the weights of pages by the policy, as words.
func (j *Choice) given(list []pages.ID) ([]uint32, error) {
	words := make([]uint32, 0, len(list)*j.work.PageGroups)
	for _, p := range list {
		r, err := j.ask(p.LayerGroup)
		if err != nil {
			return nil, err
		}
		for n := range j.work.PageGroups {
			words = append(words, math.Float32bits(r.weights[n%j.work.TokenGroups][j.work.TokenOf(p.Page, n)]))
		}
	}
	return words, nil
}

// Ready asks the policy for the layer groups of pages, where it gives weights
// itself: that runs lists, so it comes before the recording of one.
func (j *Choice) Ready(list []pages.ID) error {
	if j.Rule().Weight != policy.WeightCustom {
		return nil
	}
	for _, p := range list {
		if _, err := j.ask(p.LayerGroup); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the policy for the weights of a layer group, once a moment.
func (j *Choice) ask(layerGroup int) (*remembered, error) {
	w := j.work
	layer, layers := w.LayersOf(layerGroup)
	when := moment{j.holds, j.tokens, j.importance.Queries(layer, layers)}
	r := &j.memory.groups[layerGroup]
	if r.when == when {
		return r, nil
	}
	importance, err := j.importance.Read(layerGroup, j.tokens)
	if err != nil {
		return nil, err
	}
	r.grow(w.TokenGroups, j.tokens)
	for group := range w.TokenGroups {
		call := policy.Weighing{Kind: j.kind, Layer: layer, Tokens: j.holds, Weights: make([]float32, j.tokens), State: r.state[group]}
		call.Head, _ = w.HeadsOf(group)
		for t := range call.Weights {
			call.Weights[t] = importance[t*w.TokenGroups+group]
		}
		j.host.Weigh(&call)
		for t := range call.Weights {
			r.weights[group][t] = weight32(call.Weights[t])
		}
	}
	r.when = when
	return r, nil
}

// grow makes room for tokens; their state is 0.
func (r *remembered) grow(groups, tokens int) {
	if r.state == nil {
		r.state, r.weights = make([][]uint32, groups), make([][]float32, groups)
	}
	for i := range r.state {
		r.state[i] = append(r.state[i], make([]uint32, max(0, tokens-len(r.state[i])))...)[:tokens]
		r.weights[i] = slices.Grow(r.weights[i][:0], tokens)[:tokens]
	}
}

// Clone is a copy that shares nothing.
func (m *Memory) Clone() *Memory {
	n := &Memory{slices.Clone(m.groups)}
	for i := range n.groups {
		r := &n.groups[i]
		r.weights, r.state = slices.Clone(r.weights), slices.Clone(r.state)
		for g := range r.state {
			r.weights[g], r.state[g] = slices.Clone(r.weights[g]), slices.Clone(r.state[g])
		}
	}
	return n
}

// Truncate forgets the tokens from the given one on.
func (m *Memory) Truncate(tokens int) {
	for i := range m.groups {
		r := &m.groups[i]
		r.when = moment{}
		for g := range r.state {
			r.state[g] = r.state[g][:min(tokens, len(r.state[g]))]
		}
	}
}

// State is what the policy keeps of the groups of a layer group, [group of a
// token][token].
func (m *Memory) State(layerGroup int) [][]uint32 { return m.groups[layerGroup].state }

// Bytes are the host bytes of what is remembered.
func (m *Memory) Bytes() (n int64) {
	for _, r := range m.groups {
		for i := range r.state {
			n += 4 * int64(cap(r.state[i])+cap(r.weights[i]))
		}
	}
	return n
}
