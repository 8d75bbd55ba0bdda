package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// AccumulateImportance changes the decayed importance of the tokens of a layer: what
// is left of the old, and their shares of the squared probabilities of queries
// QueryFirst..QueryEnd-1. Between the dispatches of a call, sums have it.
func AccumulateImportance(s shaders.Spec, p shaders.AccumulateImportancePush, frame, scores, importance, sums []uint32) error {
	const k = kernel("accumulate_importance")
	return try(func() {
		a := accumulator{p: p, f: shaders.ParseDecayFrame(buffer{k, "frame", frame}.span(0, shaders.DecayFrameWords))}
		a.check(k)
		in := buffer{k, "scores", scores}
		checkWhole(in)
		a.scores = openScores(in, a.scored(), k.tiles(s, p.Vectors), p.Heads, p.Stride, uint64(a.f.Tokens))
		a.scores.openSpreads(in, p.Heads)
		end := max(a.f.Tokens, a.f.Old)
		words := uint64(shaders.ImportanceWords(int(end)))
		a.kept = buffer{k, "importance", importance}.span(0, shaders.ImportanceHeader+words)[shaders.ImportanceHeader:]
		if a.f.Begun+a.f.More > 0 {
			a.sums = buffer{k, "sums", sums}.span(0, 2*words)
		}
		parallel(int(words), 2*int(p.Heads*p.Vectors), func(from, to int) {
			for t := uint32(2 * from); t < uint32(2*to); t++ {
				a.leave(t, a.accumulate(t, a.before(t)))
			}
		})
	})
}

type accumulator struct {
	p      shaders.AccumulateImportancePush
	f      shaders.DecayFrame
	scores scoreTiles
	kept   tokens   // of the layer
	sums   []uint32 // a token each
}

// scored is what scores depend on of the frame.
func (a *accumulator) scored() frame {
	return frame{tokens: uint64(a.f.Tokens), base: uint64(a.f.Base)}
}

func (a *accumulator) check(k kernel) {
	switch p := a.p; {
	case max(a.f.Begun, a.f.More) > 1:
		k.fail("%d and %d dispatches before and behind: must be 0 or 1, for any", a.f.Begun, a.f.More)
	case a.f.Base%shaders.SplitTokens != 0:
		k.fail("scores from token %d: must be a multiple of %d", a.f.Base, shaders.SplitTokens)
	case p.Heads == 0:
		k.fail("no KV heads")
	case p.PerHead < 1 || p.PerHead > 32 || p.Vectors%p.PerHead != 0:
		k.fail("%d query vectors, %d query heads a KV head: must be whole queries of 1 to 32", p.Vectors, p.PerHead)
	case p.QueryFirst > p.QueryEnd || p.QueryEnd > p.Vectors/p.PerHead:
		k.fail("queries %d to %d: there are %d", p.QueryFirst, p.QueryEnd, p.Vectors/p.PerHead)
	case p.QueryEnd > a.f.Age:
		k.fail("queries to %d: their blocks end with %d", p.QueryEnd, a.f.Age)
	case p.Block == 0:
		k.fail("blocks of no query")
	case p.Fraction > mostFraction:
		k.fail("%d bits behind the point: must be at most %d", p.Fraction, mostFraction)
	}
}

// mostFraction keeps what one query vector adds far below what a word holds.
const mostFraction = 24

// before returns the importance that token t had, none from token Old on.
func (a *accumulator) before(t uint32) uint32 {
	switch {
	case t >= a.f.Old:
		return 0
	case a.f.Begun > 0:
		return a.sums[t]
	}
	return a.kept.get(t)
}

// leave writes the importance of token t, in full where other dispatches follow.
func (a *accumulator) leave(t, importance uint32) {
	if a.f.More > 0 {
		a.sums[t] = importance
	} else {
		a.kept.set(t, importance)
	}
}

// accumulate returns the importance of token t from the old one.
func (a *accumulator) accumulate(t, old uint32) uint32 {
	sum := decayed(old&^shaders.SinkMark, a.f.Factor)
	if t >= a.f.Base && t < a.f.Tokens {
		for q := a.p.QueryFirst; q < a.p.QueryEnd; q++ {
			sum = a.add(sum, q, uint64(t-a.f.Base))
		}
	}
	return old&shaders.SinkMark | sum
}

// add returns the sum with what the query heads of query q add.
func (a *accumulator) add(sum, q uint32, place uint64) uint32 {
	weight := weightOf((a.f.Age-q-1)/a.p.Block, a.p.Fraction)
	for h := range uint64(a.p.Heads) {
		for j := range a.p.PerHead {
			v := uint64(q*a.p.PerHead + j)
			p, spread := a.scores.get(h, v, place), math.Float32frombits(*a.scores.spread(h, v))
			share := min(float32(float32(p*p)*spread), 1)
			sum = addImportance(sum, uint32(float32(share*weight)))
		}
	}
	return sum
}
