package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// WeightedSum adds the stored V rows of the frame's part, weighted by
// probabilities, to the partial outputs of their splits. A split starts at +0
// unless an earlier dispatch began it.
func WeightedSum(s shaders.Spec, p shaders.WeightedSumPush, pages, frame, scores, partials []uint32) error {
	const k = kernel("weighted_sum")
	return try(func() {
		f := openFrame(buffer{k, "frame", frame})
		w := weightedSum{f: f, heads: uint64(p.Heads), vectors: uint64(p.Vectors)}
		w.stored = openStored(k.layout(s), source{
			s.Ring, uint64(p.Heads), uint64(p.PageTokens), uint64(p.GroupsPerToken), uint64(p.RowFirst),
			uint64(p.RingTokens), p.RingStride, p.RingFirst,
		}, f, buffer{k, "pages", pages}, func(p shaders.FramePages) uint32 { return p.V })
		in := buffer{k, "scores", scores}
		checkWhole(in)
		w.scores = openScores(in, f, k.tiles(s, p.Vectors), p.Heads, p.Stride, f.end)
		n, d := w.heads*w.vectors, uint64(s.HeadDim)
		w.out = buffer{k, "partials", partials}.spanOf(0, f.splits(f.end), n, d)
		if n == 0 || f.begin() >= f.end {
			return
		}
		first := (f.begin() - f.base) / shaders.SplitTokens
		parallel(int((f.splits(f.end)-first)*w.heads), shaders.SplitTokens*int(w.vectors*d), func(from, to int) {
			room := newSumRoom(int(d), int(w.vectors))
			for i := uint64(from); i < uint64(to); i++ {
				w.addSplit(first+i/w.heads, i%w.heads, room)
			}
		})
	})
}

type weightedSum struct {
	f              frame
	heads, vectors uint64
	stored         *stored
	scores         scoreTiles
	out            []uint32
}

// sumRoom is what a split of a KV head needs and others may reuse.
type sumRoom struct {
	sums  []float32 // [V][D]
	p     []float32 // probabilities of a token for the V vectors
	x     []float32 // values of a row
	codes []uint8   // of a row
}

func newSumRoom(headDim, vectors int) *sumRoom {
	return &sumRoom{make([]float32, vectors*headDim), make([]float32, vectors), make([]float32, headDim), make([]uint8, headDim)}
}

// addSplit adds the tokens of a split, counted from base, for KV head h.
func (w *weightedSum) addSplit(split, h uint64, room *sumRoom) {
	start := w.f.base + split*shaders.SplitTokens
	from, to := max(start, w.f.begin()), min(start+shaders.SplitTokens, w.f.end)
	n := uint64(len(room.sums))
	out := w.out[(split*w.heads+h)*n:][:n]
	for i := range out {
		room.sums[i] = 0
		if from > start { // an earlier dispatch began the split
			room.sums[i] = math.Float32frombits(out[i])
		}
	}
	for t := from; t < to; t++ {
		w.addToken(t, h, room)
	}
	for i, sum := range room.sums {
		out[i] = math.Float32bits(sum)
	}
}

// addToken adds a token's row to the sums of the vectors that see it: the
// products with a probability of 0 are zeros, which change no sum.
func (w *weightedSum) addToken(t, h uint64, room *sumRoom) {
	seen := false
	for v := range room.p {
		room.p[v] = w.scores.get(h, uint64(v), t-w.f.base)
		seen = seen || room.p[v] != 0
	}
	if !seen {
		return
	}
	w.stored.rowOf(t, h).loadValues(room)
	for v, p := range room.p {
		if p == 0 {
			continue
		}
		sums := room.sums[v*len(room.x):][:len(room.x)]
		for d, x := range room.x {
			sums[d] += float32(p * x)
		}
	}
}

// loadValues writes the bounded values that decode returns for a row to room.x.
func (r storedRow) loadValues(room *sumRoom) {
	switch r.bits {
	case shaders.Raw:
		r.loadRaw(room.x)
		return
	case shaders.Evicted:
		clear(room.x)
		return
	}
	decodeRow(r.codeRange(), r.words, int(r.bits), room.codes, room.x, bound)
	r.outliers(func(d int, _ bool, x float32) { room.x[d] = x })
}
