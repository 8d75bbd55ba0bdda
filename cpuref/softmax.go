package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Softmax turns the scores of each query vector into probabilities, in place, and
// writes its spread behind all tiles. Tokens that a query does not see get +0.
func Softmax(s shaders.Spec, p shaders.SoftmaxPush, frame, scores []uint32) error {
	const k = kernel("softmax")
	return try(func() {
		c := softmax{f: openFrame(buffer{k, "frame", frame}), g: k.grouping(p.Vectors, p.Heads, p.PerHead, 0), window: uint64(p.Window)}
		t := k.tiles(s, p.Vectors)
		if c.g.vectors == 0 || c.g.heads == 0 {
			return
		}
		c.check(k)
		in := buffer{k, "scores", scores}
		c.scores = openScores(in, c.f, t, p.Heads, p.Stride, c.f.tokens)
		c.scores.openSpreads(in, p.Heads)
		parallel(int(c.g.vectors*c.g.heads), int(4*(c.f.tokens-c.f.base)), func(from, to int) {
			for i := uint64(from); i < uint64(to); i++ {
				c.vector(i/c.g.vectors, i%c.g.vectors)
			}
		})
		for i := range c.g.heads * t.perHead * t.queries { // columns without a vector
			if v := i % (t.perHead * t.queries); v >= c.g.vectors {
				*c.scores.spread(i/(t.perHead*t.queries), v) = 0
			}
		}
	})
}

type softmax struct {
	f      frame
	g      grouping
	window uint64
	scores scoreTiles
}

// check fails unless scores hold all tokens that the queries see.
func (c *softmax) check(k kernel) {
	if n := c.g.vectors / c.g.perHead; n > c.f.tokens {
		k.fail("%d queries: there are %d tokens", n, c.f.tokens)
	}
	if from, _ := c.seenBy(0); from < c.f.base {
		k.fail("scores from token %d: query 0 sees token %d", c.f.base, from)
	}
}

// seenBy returns the first token that query i sees, and the one behind the last.
func (c *softmax) seenBy(i uint64) (from, to uint64) {
	to = c.f.tokens - c.g.vectors/c.g.perHead + i + 1
	if c.window > 0 && to > c.window {
		from = to - c.window
	}
	return from, to
}

// vector works on vector v of KV head h.
func (c *softmax) vector(h, v uint64) {
	from, to := c.seenBy(v / c.g.perHead)
	step := c.scores.queries
	column := c.scores.words[c.scores.at(h, v, 0):]
	at := func(t uint64) *uint32 { return &column[(t-c.f.base)*step] }
	most := math.Float32frombits(*at(from))
	for t := from; t < to; t++ {
		most = max(most, math.Float32frombits(*at(t)))
	}
	var lanes, squares [128]float32
	for t := from; t < to; t++ {
		e := exponential(math.Float32frombits(*at(t)) - most)
		lanes[t%128] += e
		if e >= leastBound {
			squares[t%128] += float32(e * e)
		}
		*at(t) = math.Float32bits(e)
	}
	sum := sumLanes(lanes)
	*c.scores.spread(h, v) = math.Float32bits(float32(float32(sum*sum) * reciprocal(sumLanes(squares))))
	inverse := reciprocal(sum)
	for t := c.f.base; t < c.f.tokens; t++ {
		p := float32(math.Float32frombits(*at(t)) * inverse)
		if t < from || t >= to || p < leastBound {
			p = 0
		}
		*at(t) = math.Float32bits(p)
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
