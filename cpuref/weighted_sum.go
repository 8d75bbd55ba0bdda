package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// WeightedSum adds the stored V rows of the frame's part, weighted by probabilities, to
// the partial outputs of their splits. A split starts at +0 unless an earlier
// dispatch began it.
func WeightedSum(s shaders.Spec, p shaders.WeightedSumPush, pages, plan, scores, partials []uint32) error {
	l, err := layoutOf("weighted_sum", s)
	if err != nil {
		return err
	}
	f, err := openFrame(buffer{"weighted_sum", "plan", plan})
	if err != nil {
		return err
	}
	m := mixer{l: l, f: f, heads: uint64(p.Heads), vectors: uint64(p.Vectors)}
	if m.rows, err = openStored(l, source{
		s.Ring, uint64(p.Heads), uint64(p.PageTokens), uint64(p.GroupsPerToken), uint64(p.RowFirst),
		uint64(p.Slots), p.SlotWords, p.RowsAt,
	}, f, buffer{"weighted_sum", "pages", pages}, 1); err != nil {
		return err
	}
	if err := m.open(s, p.Stride, buffer{"weighted_sum", "scores", scores}); err != nil {
		return err
	}
	n := m.heads * m.vectors
	if m.out, err = (buffer{"weighted_sum", "partials", partials}).spanOf(0, f.splits(f.end), n, uint64(l.HeadDim)); err != nil {
		return err
	}
	if n == 0 || f.begin() >= f.end {
		return nil
	}
	first := (f.begin() - f.base) / shaders.SplitTokens
	jobs := int((f.splits(f.end) - first) * m.heads)
	return parallel(jobs, shaders.SplitTokens*int(m.vectors)*l.HeadDim, func(from, to int) error {
		room := newMixRoom(l, int(m.vectors))
		for i := uint64(from); i < uint64(to); i++ {
			if err := m.mix(first+i/m.heads, i%m.heads, room); err != nil {
				return err
			}
		}
		return nil
	})
}

type mixer struct {
	l              shaders.Layout
	f              frame
	heads, vectors uint64
	rows           *stored
	scores         scoreTiles
	out            []uint32
}

// open finds the probabilities.
func (m *mixer) open(s shaders.Spec, stride uint32, scores buffer) error {
	t, err := tilesOf("weighted_sum", s.HeadDim, s.Queries, m.vectors)
	if err != nil {
		return err
	}
	if err := checkWhole(scores); err != nil {
		return err
	}
	m.scores, err = openScores(scores, m.f, t, m.heads, stride, m.f.end)
	return err
}

// mixRoom is what a split of a KV head needs and others may reuse.
type mixRoom struct {
	sums    []float32 // [V][D]
	weights []float32 // of the V vectors, for a token
	x       []float32 // values of a row
	codes   []uint8   // of a row
	levels  [256]float32
}

func newMixRoom(l shaders.Layout, vectors int) *mixRoom {
	return &mixRoom{
		sums: make([]float32, vectors*l.HeadDim), weights: make([]float32, vectors),
		x: make([]float32, l.HeadDim), codes: make([]uint8, l.HeadDim),
	}
}

// mix adds the tokens of a split, counted from base, for KV head h.
func (m *mixer) mix(split, h uint64, room *mixRoom) error {
	start := m.f.base + split*shaders.SplitTokens
	from, to := max(start, m.f.begin()), min(start+shaders.SplitTokens, m.f.end)
	n := m.vectors * uint64(m.l.HeadDim)
	at := (split*m.heads + h) * n
	out := m.out[at : at+n]
	clear(room.sums)
	if from > start {
		for i, w := range out {
			room.sums[i] = math.Float32frombits(w)
		}
	}
	for t := from; t < to; t++ {
		if err := m.add(t, h, room); err != nil {
			return err
		}
	}
	for i, sum := range room.sums {
		out[i] = math.Float32bits(sum)
	}
	return nil
}

// add adds a token's row to the sums of the vectors that see it: the products
// with a probability of 0 are zeros, which change no sum.
func (m *mixer) add(t, h uint64, room *mixRoom) error {
	seen := false
	for v := range room.weights {
		room.weights[v] = math.Float32frombits(m.scores.words[m.scores.at(h, uint64(v), t-m.f.base)])
		seen = seen || room.weights[v] != 0
	}
	if !seen {
		return nil
	}
	row, err := m.rows.row(t, h)
	if err == nil {
		err = row.values(room)
	}
	if err != nil {
		return err
	}
	for v, p := range room.weights {
		if p == 0 {
			continue
		}
		sums := room.sums[v*len(room.x) : (v+1)*len(room.x)]
		for d, x := range room.x {
			sums[d] += float32(p * x)
		}
	}
	return nil
}

// values writes the bounded values that decode returns for a row to room.x. It
// computes those of all codes first where there are no more than elements.
func (r storedRow) values(room *mixRoom) error {
	if r.bits == shaders.Raw {
		r.raw(room.x)
		return nil
	}
	b, q := int(r.bits), r.quantizer()
	known := 1<<b <= len(room.x)
	for k := 0; known && k < 1<<b; k++ {
		room.levels[k] = bound(q.value(uint8(k), b))
	}
	readRow(r.words, b, room.codes)
	for d, code := range room.codes {
		if known {
			room.x[d] = room.levels[code]
		} else {
			room.x[d] = bound(q.value(code, b))
		}
	}
	return r.outliers(func(d int, _ bool, x float32) { room.x[d] = x })
}
