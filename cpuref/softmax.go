package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Softmax turns the scores of each query vector into probabilities, in place.
// Tokens that a query does not see get +0.
func Softmax(s shaders.Spec, p shaders.SoftmaxPush, plan, scores []uint32) error {
	f, err := openFrame(buffer{"softmax", "plan", plan})
	if err != nil {
		return err
	}
	g := grouping{uint64(p.Vectors), uint64(p.Heads), uint64(p.PerHead), 0}
	if err := g.check("softmax"); err != nil {
		return err
	}
	t, err := tilesOf("softmax", s.HeadDim, s.Queries, g.vectors)
	if err != nil {
		return err
	}
	sf := softener{f, g, uint64(p.Window), scoreTiles{}}
	if g.vectors == 0 || g.heads == 0 {
		return nil
	}
	if err := sf.check(); err != nil {
		return err
	}
	if sf.scores, err = openScores(buffer{"softmax", "scores", scores}, f, t, g.heads, p.Stride, f.tokens); err != nil {
		return err
	}
	return parallel(int(g.vectors*g.heads), int(4*(f.tokens-f.base)), func(from, to int) error {
		for i := uint64(from); i < uint64(to); i++ {
			sf.soften(i/g.vectors, i%g.vectors)
		}
		return nil
	})
}

type softener struct {
	f      frame
	g      grouping
	window uint64
	scores scoreTiles
}

// check fails unless scores hold all tokens that the queries see.
func (sf *softener) check() error {
	if n := sf.g.vectors / sf.g.perHead; n > sf.f.tokens {
		return argument("softmax", "%d queries: there are %d tokens", n, sf.f.tokens)
	}
	if first, _ := sf.sees(0); first < sf.f.base {
		return argument("softmax", "scores from token %d: query 0 sees token %d", sf.f.base, first)
	}
	return nil
}

// sees returns the first token that query i sees, and the one behind the last.
func (sf *softener) sees(i uint64) (first, end uint64) {
	end = sf.f.tokens - sf.g.vectors/sf.g.perHead + i + 1
	if sf.window > 0 && end > sf.window {
		first = end - sf.window
	}
	return first, end
}

// soften works on vector v of KV head h.
func (sf *softener) soften(h, v uint64) {
	first, end := sf.sees(v / sf.g.perHead)
	step := sf.scores.tiles.queries
	column := sf.scores.words[sf.scores.at(h, v, 0):]
	seen := column[(first-sf.f.base)*step:]
	n := int(end - first)
	most := math.Float32frombits(seen[0])
	for i := range n {
		most = max(most, math.Float32frombits(seen[i*int(step)]))
	}
	var lanes [128]float32
	for i := range n {
		e := exponential(math.Float32frombits(seen[i*int(step)]) - most)
		lanes[(first+uint64(i))%128] += e
		seen[i*int(step)] = math.Float32bits(e)
	}
	inverse := reciprocal(sumLanes(lanes))
	for t := sf.f.base; t < sf.f.tokens; t++ {
		w := &column[(t-sf.f.base)*step]
		p := float32(math.Float32frombits(*w) * inverse)
		if t < first || t >= end || p < leastBound {
			p = 0
		}
		*w = math.Float32bits(p)
	}
}

// sumLanes sums by halves.
func sumLanes(lanes [128]float32) float32 {
	for k := 64; k > 0; k /= 2 {
		for j := range k {
			lanes[j] += lanes[j+k]
		}
	}
	return lanes[0]
}
