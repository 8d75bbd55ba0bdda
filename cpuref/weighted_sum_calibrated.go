package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// WeightedSumCalibrated adds the V records of the frame's part, weighted by
// probabilities, to the partial outputs of their splits: raw rows, coded values and
// the probability of the latter each to their own. A split starts at +0 unless an
// earlier dispatch began it.
func WeightedSumCalibrated(s shaders.Spec, p shaders.WeightedSumCalibratedPush, pages, frame, scores, partials []uint32) error {
	const k = kernel("weighted_sum_calibrated")
	return try(func() {
		l, t, f := k.layout(s), k.tiles(s, p.Vectors), openFrame(buffer{k, "frame", frame})
		k.checkHeads(l, p.HeadFirst, p.Heads)
		w := recordSum{l: l, p: p, f: f}
		in := buffer{k, "scores", scores}
		checkWhole(in)
		if p.ScoresAt%shaders.Align != 0 {
			k.fail("probabilities at word %d: must be a multiple of %d", p.ScoresAt, shaders.Align)
		}
		behind := in
		behind.words = in.words[min(uint64(p.ScoresAt), uint64(len(in.words))):]
		w.scores = openScores(behind, f, t, p.Heads, p.Stride, f.end)
		if f.splits(f.end) > uint64(p.Splits) {
			k.fail("room for partials of %d splits: there are %d", p.Splits, f.splits(f.end))
		}
		w.out = openRecordPartials(buffer{k, "partials", partials}, p.Splits, p.Heads, p.Vectors, l.HeadDim)
		if p.Heads == 0 || p.Vectors == 0 || f.begin() >= f.end {
			return
		}
		w.table = openRecordTable(l, in, openArranged(in, shaders.Records{Type: l.Type, HeadDim: l.HeadDim, Heads: l.Rows}, t, uint64(p.Heads), 0).table(int(shaders.Value)))
		w.pages = openRecordParts(w.table.Records, f, uint64(p.PageTokens), buffer{k, "pages", pages}, func(p shaders.FramePages) uint32 { return p.V })
		first := (f.begin() - f.base) / shaders.SplitTokens
		n := (f.splits(f.end) - first) * uint64(p.Heads)
		parallel(int(n), shaders.SplitTokens*int(p.Vectors)*l.HeadDim, func(from, to int) {
			for i := uint64(from); i < uint64(to); i++ {
				w.addSplit(first+i/uint64(p.Heads), i%uint64(p.Heads))
			}
		})
	})
}

type recordSum struct {
	l      shaders.Layout
	p      shaders.WeightedSumCalibratedPush
	f      frame
	table  recordTable
	pages  recordParts
	scores scoreTiles
	out    recordPartials
}

// recordPartials are views of partials: [split][KV head][v], each of D elements or
// of one.
type recordPartials struct {
	raw, coded, mass []uint32
	heads, vectors   uint64
	d                uint64
}

func openRecordPartials(b buffer, splits, heads, vectors uint32, headDim int) recordPartials {
	p := recordPartials{heads: uint64(heads), vectors: uint64(vectors), d: uint64(headDim)}
	all := b.spanOf(0, uint64(splits), p.heads, p.vectors, 2*p.d+1)
	n := uint64(len(all)) / (2*p.d + 1)
	p.raw, p.coded, p.mass = all[:n*p.d], all[n*p.d:2*n*p.d], all[2*n*p.d:]
	return p
}

// row returns the number of a row of a split.
func (p *recordPartials) row(split, h, v uint64) uint64 { return (split*p.heads+h)*p.vectors + v }

// addSplit adds the tokens of a split, counted from base, for KV head h.
func (w *recordSum) addSplit(split, h uint64) {
	start := w.f.base + split*shaders.SplitTokens
	from, to := max(start, w.f.begin()), min(start+shaders.SplitTokens, w.f.end)
	n := w.out.vectors * w.out.d
	row := w.out.row(split, h, 0)
	raw, coded, mass := w.out.raw[row*w.out.d:][:n], w.out.coded[row*w.out.d:][:n], w.out.mass[row:][:w.out.vectors]
	if from == start { // no earlier dispatch began the split
		clear(raw)
		clear(coded)
		clear(mass)
	}
	x := make([]float32, w.out.d)
	for t := from; t < to; t++ {
		page, i := w.pages.of(t)
		head, sums := int(uint64(w.p.HeadFirst)+h), coded
		if level := page.Levels[i]; level == shaders.Raw {
			in := elements{w.l.Type, page.Record(i)[head*w.l.RawRowWords():]}
			for d := range x {
				x[d] = bound(loadFinite(in.typ, in.at(d)))
			}
			sums = raw
		} else {
			w.table.values.loadCoded(page.Records, page.Record(i), level, head, x)
		}
		for v := range w.out.vectors {
			p := w.scores.get(h, v, t-w.f.base)
			addScaled(sums[v*w.out.d:], p, x)
			if page.Levels[i] != shaders.Raw {
				addScaled(mass[v:], p, []float32{1})
			}
		}
	}
}

// addScaled adds p*x to sums, which are the bits of f32.
func addScaled(sums []uint32, p float32, x []float32) {
	for d, value := range x {
		sums[d] = math.Float32bits(math.Float32frombits(sums[d]) + float32(p*value))
	}
}
