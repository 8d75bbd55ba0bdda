package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Soften turns the scores of each query vector into probabilities, in place.
// Tokens that a query does not see get +0.
func Soften(_ shaders.SoftenSpec, p shaders.SoftenPush, plan, scores []uint32) error {
	f, err := openFrame(buffer{"soften", "plan", plan})
	if err != nil {
		return err
	}
	g := grouping{uint64(p.Vectors), uint64(p.Heads), uint64(p.PerHead)}
	if err := g.check("soften"); err != nil {
		return err
	}
	sf := softener{f, g, uint64(p.Window), scoreRows{}}
	n := g.vectors * g.heads
	if n == 0 {
		return nil
	}
	if err := sf.check(); err != nil {
		return err
	}
	if sf.rows, err = openScores(buffer{"soften", "scores", scores}, f, n, uint64(p.Stride), f.tokens); err != nil {
		return err
	}
	return parallel(int(n), int(4*(f.tokens-f.base)), func(from, to int) error {
		for i := from; i < to; i++ {
			sf.soften(uint64(i))
		}
		return nil
	})
}

type softener struct {
	f      frame
	g      grouping
	window uint64
	rows   scoreRows
}

// check fails unless scores hold all tokens that the queries see.
func (sf *softener) check() error {
	if n := sf.g.vectors / sf.g.perHead; n > sf.f.tokens {
		return argument("soften", "%d queries: there are %d tokens", n, sf.f.tokens)
	}
	if first, _ := sf.sees(0); first < sf.f.base {
		return argument("soften", "scores from token %d: query 0 sees token %d", sf.f.base, first)
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

// soften works on vector n of all heads.
func (sf *softener) soften(n uint64) {
	first, end := sf.sees(n % sf.g.vectors / sf.g.perHead)
	row := sf.rows.of(n, sf.f.tokens-sf.f.base)
	seen := row[first-sf.f.base : end-sf.f.base]
	most := math.Float32frombits(seen[0])
	for _, w := range seen {
		most = max(most, math.Float32frombits(w))
	}
	var lanes [128]float32
	for i, w := range seen {
		e := exponential(math.Float32frombits(w) - most)
		lanes[(first+uint64(i))%128] += e
		seen[i] = math.Float32bits(e)
	}
	for k := 64; k > 0; k /= 2 {
		for j := range k {
			lanes[j] += lanes[j+k]
		}
	}
	inverse := reciprocal(lanes[0])
	for i, w := range seen {
		p := float32(math.Float32frombits(w) * inverse)
		if p < leastBound {
			p = 0
		}
		seen[i] = math.Float32bits(p)
	}
	clear(row[:first-sf.f.base])
	clear(row[end-sf.f.base:])
}
