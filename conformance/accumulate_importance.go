package conformance

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// buildAccumulateImportance adds probabilities in one dispatch, and on other words
// in one a KV head and half of the queries, between which sums have what there is: both
// must give the same.
func buildAccumulateImportance(c Case) (*program, error) {
	a := *c.Params.Attention
	c.Params.Attention = &a
	scores := c.probabilities()
	most := max(a.Tokens, a.Decay.Old)
	old := slices.Repeat([]uint32{unwritten}, shaders.ImportanceHeader+shaders.ImportanceWords(most)+3)
	copy(old[shaders.ImportanceHeader:], a.Decay.decayed(c.rng(7), most))
	p := &program{}
	first, end := a.Decay.QueryFirst, a.Decay.QueryEnd
	if end == 0 {
		end = a.Queries
	}
	if first > end || end > a.Queries {
		return nil, fmt.Errorf("queries %d to %d: there are %d", first, end, a.Queries)
	}
	whole, split := p.change("importance", old), p.change("importance.split", slices.Clone(old))
	sums := p.change("sums", slices.Repeat([]uint32{unwritten}, 2*shaders.ImportanceWords(most)+4))
	c.Params.addAccumulateImportance(p, p.input("frame", a.decayFrame(true, true)), p.input("scores", scores), whole, sums, first, end)
	perHead, spreads := a.tiles()*a.stride()*a.Tile, a.tiles()*a.Tile
	heads := a.heads()
	behind := scores[heads*perHead:]
	a.HeadFirst, a.HeadCount = 0, 1
	begin, next, last := p.input("frame.begin", a.decayFrame(true, false)), p.input("frame.next", a.decayFrame(false, false)), p.input("frame.last", a.decayFrame(false, true))
	for h := range heads {
		one := p.input(fmt.Sprintf("scores.%d", h), aligned(slices.Concat(scores[h*perHead:(h+1)*perHead], behind[h*spreads:(h+1)*spreads])))
		frames := [2]int{next, next}
		if h == 0 {
			frames[0] = begin
		}
		if h == heads-1 {
			frames[1] = last
		}
		c.Params.addAccumulateImportance(p, frames[0], one, split, sums, first, (first+end)/2)
		c.Params.addAccumulateImportance(p, frames[1], one, split, sums, (first+end)/2, end)
	}
	p.equal = append(p.equal, equality{"in parts", split, whole, 0, 0, len(old)})
	return p, nil
}

// aligned is a copy of words with as many more as 128-bit loads need.
func aligned(words []uint32) []uint32 {
	out := slices.Repeat([]uint32{unwritten}, shaders.AlignWords(len(words)))
	copy(out, words)
	return out
}

// decayFrame is the frame of a dispatch, which is the first of a call, or the last.
func (a *Attention) decayFrame(first, last bool) []uint32 {
	f := shaders.DecayFrame{Tokens: uint32(a.Tokens), Base: uint32(a.Base), Age: uint32(a.Queries + a.Decay.Missing)}
	if first {
		f.Old, f.Factor = uint32(a.Decay.Old), shaders.DecayFactor(a.Decay.Blocks)
	} else {
		f.Old, f.Begun = uint32(max(a.Tokens, a.Decay.Old)), 1
	}
	if !last {
		f.More = 1
	}
	return f.AppendTo(nil)
}

// addAccumulateImportance adds the adding of queries first..end-1 to a program.
func (p Params) addAccumulateImportance(prog *program, frame, scores, importance, sums, first, end int) {
	a := p.Attention
	push := shaders.AccumulateImportancePush{
		Vectors: uint32(a.vectors()), PerHead: uint32(a.PerHead), QueryFirst: uint32(first), QueryEnd: uint32(end),
		Heads: uint32(a.heads()), Stride: uint32(a.stride()), Block: uint32(a.Decay.Block), Fraction: a.Decay.Fraction,
	}
	prog.run(shaders.AccumulateImportance, p.spec(shaders.AccumulateImportance, 0), push.Bytes(), p.workgroups(shaders.ImportanceWords(max(a.Tokens, a.Decay.Old))/2+2, 1), frame, scores, importance, sums)
}
