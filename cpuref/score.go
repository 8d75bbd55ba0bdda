package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Score writes the scores of arranged queries and stored K rows: of each query
// vector, a word for each token of the frame's part that scores hold.
func Score(s shaders.ScoreSpec, p shaders.ScorePush, pages, plan, queries, scores []uint32) error {
	l, err := layoutOf("score", shaders.EncodeSpec(s))
	if err != nil {
		return err
	}
	if !isFinite(p.Cap) || !isFinite(p.InverseCap) {
		return argument("score", "soft cap %g, inverse %g: must be finite", p.Cap, p.InverseCap)
	}
	f, err := openFrame(buffer{"score", "plan", plan})
	if err != nil {
		return err
	}
	sc := scorer{p: p, f: f}
	if sc.rows, err = openStored(l, source{
		s.Ring, uint64(p.Heads), uint64(p.PageTokens), uint64(p.GroupsPerToken), uint64(p.RowFirst),
		uint64(p.Slots), p.SlotWords, p.RowsAt,
	}, f, buffer{"score", "pages", pages}, 0); err != nil {
		return err
	}
	if sc.vectors, err = openQueries(l, s.Queries, p, buffer{"score", "queries", queries}); err != nil {
		return err
	}
	n := len(sc.vectors)
	if sc.out, err = openScores(buffer{"score", "scores", scores}, f, uint64(n), uint64(p.Stride), f.end); err != nil {
		return err
	}
	if n == 0 || f.begin() >= f.end {
		return nil
	}
	return parallel(int(f.end-f.begin()), n*l.HeadDim, func(from, to int) error {
		x := make([]float32, l.HeadDim)
		codes := make([]uint8, l.HeadDim)
		for i := from; i < to; i++ {
			if err := sc.score(f.begin()+uint64(i), x, codes); err != nil {
				return err
			}
		}
		return nil
	})
}

// openQueries reads all query vectors: V of KV head 0, V of KV head 1, ...
func openQueries(l shaders.Layout, queries uint32, p shaders.ScorePush, in buffer) ([]arranged, error) {
	t, err := tilesOf("score", l, queries, uint64(p.Vectors))
	if err != nil {
		return nil, err
	}
	if err := checkWhole(in); err != nil {
		return nil, err
	}
	words, err := in.spanOf(0, uint64(p.Heads), t.perHead, t.words())
	if err != nil || len(words) == 0 {
		return nil, err
	}
	out := make([]arranged, 0, int(p.Heads)*int(p.Vectors))
	for h := range uint64(p.Heads) {
		for v := range uint64(p.Vectors) {
			tile := h*t.perHead + v/t.queries
			out = append(out, t.get(words[tile*t.words():], v%t.queries))
		}
	}
	return out, nil
}

type scorer struct {
	p       shaders.ScorePush
	f       frame
	rows    *stored
	vectors []arranged
	out     scoreRows
}

// score writes the scores of a token; x and codes are room for a row.
func (sc *scorer) score(t uint64, x []float32, codes []uint8) error {
	v := uint64(sc.p.Vectors)
	for h := range uint64(sc.p.Heads) {
		row, err := sc.rows.row(t, h)
		if err != nil {
			return err
		}
		r, err := newScoredRow(row, x, codes)
		if err != nil {
			return err
		}
		for i := h * v; i < (h+1)*v; i++ {
			score := r.score(sc.vectors[i])
			if sc.p.Cap > 0 {
				score = softCap(score, sc.p.Cap, sc.p.InverseCap)
			}
			sc.out.words[i*sc.out.stride+t-sc.f.base] = math.Float32bits(score)
		}
	}
	return nil
}

// scoredRow is a K row as scores need it.
type scoredRow struct {
	raw      bool
	x        []float32 // values of a raw row, else codes as signed bytes
	base, s8 float32   // value of the byte 0 and width of a step
	changes  []change  // by outliers, in the order of listing
}

// change is what an outlier adds to the value of element d's code.
type change struct {
	d    int
	more float32
}

// newScoredRow reads a row; x and codes are room for it.
func newScoredRow(row storedRow, x []float32, codes []uint8) (scoredRow, error) {
	r := scoredRow{raw: row.bits == shaders.Raw, x: x}
	if r.raw {
		row.raw(x)
		return r, nil
	}
	b, q := int(row.bits), row.quantizer()
	readRow(row.words, b, codes)
	for d, code := range codes {
		x[d] = signedByte(int(code), b)
	}
	r.s8 = min(q.s8, mostStep)
	middle := float32(128)
	if b > 0 {
		middle += 128 / float32(uint32(1)<<b)
	}
	r.base = bound(q.min + float32(middle*r.s8))
	err := row.outliers(func(d int, low bool, value float32) {
		u := signedByte(1<<b-1, b)
		if low {
			u = signedByte(0, b)
		}
		code := bound(r.base + float32(u*r.s8))
		r.changes = append(r.changes, change{d, flush(value - code)})
	})
	return r, err
}

// signedByte returns u of a code of b bits; all are 0 with b = 0.
func signedByte(code, b int) float32 {
	if b == 0 {
		return 0
	}
	return float32(code<<(8-b) - 128)
}

// score returns the score of a query vector, without a soft cap.
func (r scoredRow) score(q arranged) float32 {
	if r.raw {
		return flush(dot(q.y, r.x))
	}
	score := flush(flush(float32(r.base*q.x)) + flush(float32(r.s8*dot(q.y, r.x))))
	for _, c := range r.changes {
		score = flush(score + flush(float32(q.y[c.d]*c.more)))
	}
	return score
}

// dot sums the products of each chunk, then the chunks.
func dot(y, x []float32) float32 {
	total := float32(0)
	for len(y) > 0 {
		n := min(chunkLength, len(y))
		sum := float32(0)
		for i, z := range x[:n] {
			sum += float32(y[i] * z)
		}
		total += sum
		y, x = y[n:], x[n:]
	}
	return total
}
