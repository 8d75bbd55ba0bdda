package backend

import "math"

// judge gives limits and weights of groups for one decision: the policy asked
// once for each layer, head and kind.
type judge struct {
	s      *Sequence
	kind   Kind
	tokens int         // tokens that weights are known of
	limits []float32   // [unit][group of a token]
	unit   int         // the unit that weights are for, -1: none
	weight [][]float32 // [group of a token][token]
}

// newJudge asks for a cache that holds `holds` tokens, for the groups of its
// first `tokens` tokens.
func (s *Sequence) newJudge(kind Kind, holds, tokens int) *judge {
	j := &judge{s: s, kind: kind, tokens: tokens, unit: -1}
	g := &s.c.geo
	for unit := range g.units {
		for group := range g.tokenGroups {
			j.limits = append(j.limits, limit32(s.c.limit(kind, unit, group, holds)))
		}
	}
	j.weight = make([][]float32, g.tokenGroups)
	for i := range j.weight {
		j.weight[i] = make([]float32, tokens)
	}
	return j
}

// limit is the least limit of the layers and heads of a group.
func (c *Cache) limit(kind Kind, unit, group, tokens int) float64 {
	least := math.Inf(1)
	layer, layers := c.geo.unitLayers(unit)
	for ; layer < layers; layer++ {
		head, heads := c.geo.groupHeads(group)
		for ; head < heads; head++ {
			least = math.Min(least, c.cfg.Policy.Limit(kind, layer, head, tokens))
		}
	}
	return least
}

// weights are the weights of the groups of a unit, [group of a token][token].
func (j *judge) weights(unit int) [][]float32 {
	if unit == j.unit {
		return j.weight
	}
	j.unit = unit
	for group, w := range j.weight {
		j.s.importance.scope(unit, group).fill(w)
		j.s.c.cfg.Policy.Weigh(j.kind, w)
		for t := range w {
			w[t] = weight32(w[t])
		}
	}
	return j.weight
}

// plan is the plan of encode and decide for pages at the given places: two
// words a page, then the limits of its groups; and the weight of every group.
func (j *judge) plan(pages []pageID, place func(pageID) uint32) (words, want []uint32) {
	g := &j.s.c.geo
	limits := 2 * len(pages)
	words, want = make([]uint32, limits+len(pages)*g.tokenGroups), make([]uint32, len(pages)*g.pageGroups)
	for i, p := range pages {
		words[2*i], words[2*i+1] = place(p), uint32(limits+i*g.tokenGroups)
		for group := range g.tokenGroups {
			words[limits+i*g.tokenGroups+group] = math.Float32bits(j.limits[p.unit*g.tokenGroups+group])
		}
		weights := j.weights(p.unit)
		for n := range g.pageGroups {
			want[i*g.pageGroups+n] = math.Float32bits(weights[n%g.tokenGroups][g.tokenOf(p, n)])
		}
	}
	return words, want
}

// delta is the delta of the rule.
func (r Rule) delta() float32 {
	if r.Authors {
		return 1
	}
	return 0
}
