package conformance

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// buildAccumulateImportance adds probabilities in one dispatch, and on other words
// in one a KV head and half of the queries: both must give the same.
func buildAccumulateImportance(c Case) (*program, error) {
	a := *c.Params.Attention
	c.Params.Attention = &a
	scores := c.probabilities()
	old := slices.Repeat([]uint32{unwritten}, shaders.ImportanceHeader+max(a.Tokens, a.Decay.Old)+3)
	copy(old[shaders.ImportanceHeader:], a.Decay.decayed(c.rng(7), max(a.Tokens, a.Decay.Old)))
	p := &program{}
	first, end := a.Decay.QueryFirst, a.Decay.QueryEnd
	if end == 0 {
		end = a.Queries
	}
	if first > end || end > a.Queries {
		return nil, fmt.Errorf("queries %d to %d: there are %d", first, end, a.Queries)
	}
	whole, split := p.change("importance", old), p.change("importance.split", slices.Clone(old))
	begin := p.input("frame", a.decayFrame(true))
	c.Params.addAccumulateImportance(p, begin, p.input("scores", scores), whole, first, end)
	perHead, spreads := a.tiles()*a.stride()*a.Tile, a.tiles()*a.Tile
	heads := a.heads()
	behind := scores[heads*perHead:]
	a.HeadFirst, a.HeadCount = 0, 1
	next := p.input("frame.next", a.decayFrame(false))
	for h := range heads {
		one := p.input(fmt.Sprintf("scores.%d", h), aligned(slices.Concat(scores[h*perHead:(h+1)*perHead], behind[h*spreads:(h+1)*spreads])))
		frame := begin
		if h > 0 {
			frame = next
		}
		c.Params.addAccumulateImportance(p, frame, one, split, first, (first+end)/2)
		c.Params.addAccumulateImportance(p, next, one, split, (first+end)/2, end)
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

// decayFrame is the frame of the first dispatch of a call, or of others.
func (a *Attention) decayFrame(begins bool) []uint32 {
	f := shaders.DecayFrame{Tokens: uint32(a.Tokens), Base: uint32(a.Base), Old: uint32(a.Tokens), Age: uint32(a.Queries + a.Decay.Missing)}
	if begins {
		f.Old, f.Factor = uint32(a.Decay.Old), shaders.DecayFactor(a.Decay.Blocks)
	}
	return f.AppendTo(nil)
}

// addAccumulateImportance adds the adding of queries first..end-1 to a program.
func (p Params) addAccumulateImportance(prog *program, frame, scores, importance, first, end int) {
	a := p.Attention
	push := shaders.AccumulateImportancePush{
		Vectors: uint32(a.vectors()), PerHead: uint32(a.PerHead), QueryFirst: uint32(first), QueryEnd: uint32(end),
		Heads: uint32(a.heads()), Stride: uint32(a.stride()), Block: uint32(a.Decay.Block), Fraction: a.Decay.Fraction,
	}
	prog.run(shaders.AccumulateImportance, p.spec(shaders.AccumulateImportance, 0), push.Bytes(), p.workgroups(max(a.Tokens, a.Decay.Old)+2, 1), frame, scores, importance)
}
