package backend

import (
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// recordWeights records the making of the weights of the groups of pages in
// room, and returns where they will be: in room, or in the plan where the policy
// gave them on the host. A Barrier must follow. The jobs of weigh begin at a
// word of the plan.
func (j *judge) recordWeights(l *List, plan *planner, pages []pageID, planned View, jobs int, room View) View {
	switch j.s.c.rules[j.kind].Weight {
	case WeightMost:
		l.Fill(room.Buffer, room.Offset, room.Words, wordOf(-1))
	case WeightCustom:
		return plan.add(j.given(l, pages))
	default:
		j.s.recordWeigh(l, pages, planned, jobs, room, j.s.c.rules[j.kind].Weight == WeightOne)
	}
	return room
}

// recordWeigh records the making of weights on the device. The pages must be of
// one importanceView.
func (s *Sequence) recordWeigh(l *List, pages []pageID, plan View, jobs int, want View, one bool) {
	c, g := s.c, &s.c.geo
	push := shaders.WeighPush{Jobs: uint32(jobs), Groups: uint32(len(pages) * g.pageGroups), GroupsPerJob: uint32(g.pageGroups),
		GroupsPerToken: uint32(g.tokenGroups), Heads: uint32(g.heads / g.tokenGroups), Layers: uint32(g.layers / g.units),
		HeadStride: uint32(c.importanceHead()), LayerStride: uint32(c.importanceLayer()),
		Rows: uint32(c.cfg.Window), RowStride: uint32(g.heads * c.importanceHead())}
	importance := plan // not read
	if one {
		push.One = 1
	} else {
		importance = s.importance.view(pages[0].unit)
	}
	k := constants{layout: g.layout, lanes: 1, in: c.cfg.Type, out: c.cfg.Type}
	l.Dispatch(Dispatch{Kernel: shaders.Weigh, Spec: k.spec(shaders.Weigh), Push: push.Bytes(),
		Workgroups: workgroups(len(pages) * g.pageGroups), Views: []View{plan, importance, want}})
}

// weighJobs are the jobs of weigh for pages.
func (s *Sequence) weighJobs(pages []pageID) []uint32 {
	words := make([]uint32, 0, 3*len(pages))
	for _, p := range pages {
		from, to := s.c.geo.unitLayers(p.unit)
		at := (from - s.c.importanceView(p.unit)*s.c.viewLayers()) * s.c.importanceLayer()
		words = append(words, uint32(p.chunk*s.c.cfg.PageTokens), uint32(at), uint32(s.importance.seen(from, to)))
	}
	return words
}

// viewLayers are the layers whose importance a dispatch sees at once.
func (c *Cache) viewLayers() int {
	if !c.keepsImportance() {
		return c.geo.layers
	}
	return min(c.geo.layers, max(1, c.dev.Limits().ViewWords/c.importanceLayer()))
}

// importanceView is the number of the view that a unit's importance lies in.
func (c *Cache) importanceView(unit int) int {
	from, _ := c.geo.unitLayers(unit)
	return from / c.viewLayers()
}

// endsView tells whether a unit is the last of its view.
func (c *Cache) endsView(unit int) bool {
	return unit == c.geo.units-1 || c.importanceView(unit) != c.importanceView(unit+1)
}

// view is the view that a unit's importance lies in.
func (m *importance) view(unit int) View {
	first, layers := m.c.importanceView(unit)*m.c.viewLayers(), m.c.viewLayers()
	return m.layer(first, min(layers, m.c.geo.layers-first))
}

// remembered is what a Weigher gave and keeps for the groups of a unit.
type remembered struct {
	when    decision
	weights [][]float32 // [group of a token][token]
	state   [][]uint32  // the same
}

// decision is a moment: what it weighs does not change before the next one.
type decision struct{ holds, tokens, queries int }

// given are the weights of pages by the policy.
func (j *judge) given(l *List, pages []pageID) []uint32 {
	g := &j.s.c.geo
	words := make([]uint32, 0, len(pages)*g.pageGroups)
	for _, p := range pages {
		r, err := j.ask(p.unit)
		if err != nil {
			l.fail(err)
			return make([]uint32, cap(words))
		}
		for n := range g.pageGroups {
			words = append(words, wordOf(r.weights[n%g.tokenGroups][g.tokenOf(p, n)]))
		}
	}
	return words
}

// ready asks the policy for the units of pages, where it gives weights itself.
func (j *judge) ready(pages []pageID) error {
	if j.s.c.rules[j.kind].Weight != WeightCustom {
		return nil
	}
	for _, p := range pages {
		if _, err := j.ask(p.unit); err != nil {
			return err
		}
	}
	return nil
}

// ask asks the policy for the weights of a unit, once a decision.
func (j *judge) ask(unit int) (*remembered, error) {
	s, g := j.s, &j.s.c.geo
	layer, layers := g.unitLayers(unit)
	when := decision{j.holds, j.tokens, 0}
	for _, q := range s.importance.queries[layer:layers] {
		when.queries += q
	}
	r := &s.remembered[j.kind][unit]
	if r.when == when {
		return r, nil
	}
	importance, err := s.importanceOf(unit, j.tokens)
	if err != nil {
		return nil, err
	}
	r.grow(g.tokenGroups, j.tokens)
	for group := range g.tokenGroups {
		w := Weighing{Kind: j.kind, Layer: layer, Tokens: j.holds, Weights: make([]float32, j.tokens), State: r.state[group]}
		w.Head, _ = g.groupHeads(group)
		for t := range w.Weights {
			w.Weights[t] = importance[t*g.tokenGroups+group]
		}
		s.c.weigher.Weigh(&w)
		for t := range w.Weights {
			r.weights[group][t] = weight32(w.Weights[t])
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

// importanceOf brings the importance of the groups of a unit to the host,
// [token][group of a token], -1 where too few queries saw the token.
func (s *Sequence) importanceOf(unit, tokens int) ([]float32, error) {
	c, g := s.c, &s.c.geo
	most := min(c.out.Len()/g.pageGroups, c.plan.Len()/3)
	out := make([]float32, 0, tokens*g.tokenGroups)
	for chunk, end := 0, tokens/g.pageTokens; chunk < end; {
		var pages []pageID
		for ; chunk < end && len(pages) < most; chunk++ {
			pages = append(pages, pageID{unit: unit, chunk: chunk})
		}
		words := len(pages) * g.pageGroups
		err := c.run("weigh", func(l *List) {
			s.recordWeigh(l, pages, c.newPlanner().add(s.weighJobs(pages)), 0, View{c.out, 0, words}, false)
			l.Mark("weigh")
		})
		if err != nil {
			return nil, err
		}
		for _, w := range c.out.Words()[:words] {
			out = append(out, math.Float32frombits(w))
		}
	}
	return out, nil
}

// clone is a copy that goes its own way.
func (r *remembered) clone() remembered {
	n := remembered{r.when, slices.Clone(r.weights), slices.Clone(r.state)}
	for i := range n.state {
		n.weights[i], n.state[i] = slices.Clone(n.weights[i]), slices.Clone(n.state[i])
	}
	return n
}

// truncate forgets the tokens from the given one on.
func (r *remembered) truncate(tokens int) {
	r.when = decision{}
	for i := range r.state {
		r.state[i] = r.state[i][:min(tokens, len(r.state[i]))]
	}
}

// bytes are the host bytes of what is remembered.
func (r *remembered) bytes() (n int64) {
	for i := range r.state {
		n += 4 * int64(cap(r.state[i])+cap(r.weights[i]))
	}
	return n
}

func wordOf(f float32) uint32 { return math.Float32bits(f) }
