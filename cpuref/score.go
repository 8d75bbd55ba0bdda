package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Score writes the scores of arranged queries and stored K rows: of each tile
// for each token of the frame's part that scores hold.
func Score(s shaders.Spec, p shaders.ScorePush, pages, frame, queries, scores []uint32) error {
	const k = kernel("score")
	return try(func() {
		c := scorer{p: p, f: openFrame(buffer{k, "frame", frame})}
		t := k.tiles(s, p.Vectors)
		c.check(k, s, t)
		c.stored = openStored(k.layout(s), source{
			s.Ring, uint64(p.Heads), uint64(p.PageTokens), uint64(p.GroupsPerToken), uint64(p.RowFirst),
			uint64(p.RingTokens), p.RingStride, p.RingFirst,
		}, c.f, buffer{k, "pages", pages}, func(p shaders.FramePages) uint32 { return p.K })
		c.open(t, buffer{k, "queries", queries}, buffer{k, "scores", scores})
		if len(c.vectors) == 0 || c.f.begin() >= c.f.end {
			return
		}
		parallel(int(c.f.end-c.f.begin()), len(c.vectors)*c.stored.l.HeadDim, func(from, to int) {
			x, codes := make([]float32, c.stored.l.HeadDim), make([]uint8, c.stored.l.HeadDim)
			for i := from; i < to; i++ {
				c.score(c.f.begin()+uint64(i), x, codes)
			}
		})
	})
}

type scorer struct {
	p       shaders.ScorePush
	f       frame
	stored  *stored
	tiles   uint64     // of all KV heads
	vectors []arranged // of these tiles
	out     scoreTiles
}

// arranged is a query vector: its scaled elements y and their sum X.
type arranged struct {
	y []float32
	x float32
}

// maxStaged is the words of tiles in shared memory, of which every device has
// 16 KiB.
const maxStaged = 4096

func (c *scorer) check(k kernel, s shaders.Spec, t tiles) {
	switch {
	case !isFinite(c.p.Cap) || !isFinite(c.p.InverseCap):
		k.fail("soft cap %g, inverse %g: must be finite", c.p.Cap, c.p.InverseCap)
	case uint64(s.Staged)*t.words() > maxStaged:
		k.fail("%d staged tiles of %d words: must be at most %d words", s.Staged, t.words(), maxStaged)
	}
}

// open reads the queries and checks that scores have room.
func (c *scorer) open(t tiles, queries, scores buffer) {
	checkWhole(queries, scores)
	c.tiles = uint64(c.p.Heads) * t.perHead
	words := queries.spanOf(0, c.tiles, t.words())
	c.out = openScores(scores, c.f, t, c.p.Heads, c.p.Stride, c.f.end)
	for n := range c.tiles {
		for column := range t.queries {
			c.vectors = append(c.vectors, t.vector(words[n*t.words()+column:]))
		}
	}
}

// vector reads a column.
func (t tiles) vector(column []uint32) arranged {
	a := arranged{y: make([]float32, t.d)}
	for d := range a.y {
		a.y[d] = math.Float32frombits(column[uint64(d)*t.queries])
	}
	for b := range t.blocks {
		a.x += math.Float32frombits(column[(t.d+b)*t.queries])
	}
	return a
}

// score writes the scores of a token; x and codes are room for a row.
func (c *scorer) score(t uint64, x []float32, codes []uint8) {
	var row scoredRow
	for n := range c.tiles {
		if n%c.out.perHead == 0 { // the next KV head
			row = loadScored(c.stored.rowOf(t, n/c.out.perHead), x, codes)
		}
		out := c.out.words[c.out.tile(n, t-c.f.base):]
		for column, vector := range c.vectors[n*c.out.queries : (n+1)*c.out.queries] {
			score := float32(outScore)
			if !row.evicted {
				score = finished(row.score(vector), c.p.Cap, c.p.InverseCap)
			}
			out[column] = math.Float32bits(score)
		}
	}
}

// outScore is the score of a token that is out: below all others.
const outScore = -0x1p127

// scoredRow is a K row as scores need it.
type scoredRow struct {
	raw      bool
	evicted  bool
	x        []float32 // values of a raw row, else codes as signed bytes
	base, s8 float32   // value of the byte 0 and width of a step
	changes  []change  // by outliers, in the order of listing
}

// change is what an outlier adds to the value of element d's code.
type change struct {
	d    int
	more float32
}

// loadScored reads a row; x and codes are room for it.
func loadScored(row storedRow, x []float32, codes []uint8) scoredRow {
	r := scoredRow{raw: row.bits == shaders.Raw, evicted: row.bits == shaders.Evicted, x: x}
	switch {
	case r.raw:
		row.loadRaw(x)
		return r
	case r.evicted:
		return r
	}
	b, of := int(row.bits), row.codeRange()
	readRow(row.words, b, codes)
	for d, code := range codes {
		x[d] = signedByte(int(code), b)
	}
	r.s8 = min(of.step, mostStep)
	middle := float32(128)
	if b > 0 {
		middle += 128 / float32(uint32(1)<<b)
	}
	r.base = bound(of.low + float32(middle*r.s8))
	row.outliers(func(d int, low bool, value float32) {
		u := signedByte(1<<b-1, b)
		if low {
			u = signedByte(0, b)
		}
		r.changes = append(r.changes, change{d, flush(value - r.valueOfByte(u))})
	})
	return r
}

// signedByte returns u of a code of b bits; all are 0 with b = 0.
func signedByte(code, b int) float32 {
	if b == 0 {
		return 0
	}
	return float32(code<<(8-b) - 128)
}

// valueOfByte returns bound() of the value of code byte u.
func (r *scoredRow) valueOfByte(u float32) float32 { return bound(r.base + float32(u*r.s8)) }

// score returns the score of a query vector, without a soft cap.
func (r *scoredRow) score(q arranged) float32 {
	if r.raw {
		return flush(dot(q.y, r.x))
	}
	score := flush(flush(float32(r.base*q.x)) + flush(float32(r.s8*dot(q.y, r.x))))
	for _, c := range r.changes {
		score = flush(score + flush(float32(q.y[c.d]*c.more)))
	}
	return score
}

// dot sums the products of each block, then the blocks.
func dot(y, x []float32) float32 {
	total := float32(0)
	for len(y) > 0 {
		n := min(shaders.BlockElements, len(y))
		sum := float32(0)
		for i, z := range x[:n] {
			sum += float32(y[i] * z)
		}
		total += sum
		y, x = y[n:], x[n:]
	}
	return total
}
