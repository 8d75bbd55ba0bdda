package bench

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

const recordSplits = shaders.SplitTokens

// shares of tokens by level, as adaptation leaves a long text.
var shares = [shaders.Levels]float64{0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05, 0.03, 0.015, 0.005}

// reading is attention by its kernels alone, over pages of any content: arranging
// queries, scores and weighted sums of one query of one layer. It compares codecs;
// softmax, importance and the recent window are the same for both.
type reading struct {
	listed
	Case
	pages  int
	layout shaders.Layout
	tables *shaders.Tables
	words  int // of the pages

	store, frame, rows device.Buffer
	scratch, partials  device.Buffer
}

func newReading(_ context.Context, d device.Device, c Case) (work, error) {
	w := &reading{listed: listed{buffers{device: d}, device.NewList(d)}, Case: c, pages: c.tokens() / pageTokens}
	low, high := shaders.Outliers(c.Alpha, c.HeadDim)
	w.layout = shaders.Layout{Type: c.Type, HeadDim: c.HeadDim, Rows: 1, Low: low, High: high}
	var words []uint32
	if c.Rate > 0 {
		w.layout = shaders.Layout{Type: c.Type, HeadDim: c.HeadDim, Rows: kvHeads}
		w.tables = ratedTables(c)
		words = w.recordPages()
	} else {
		words = w.rangedPages()
	}
	w.store = w.upload("pages", words)
	w.rows = w.upload("queries", make([]uint32, queryHeads*c.HeadDim/2))
	w.record()
	if w.err == nil {
		w.err = w.list.Err()
	}
	if w.err != nil {
		w.release()
		return nil, w.err
	}
	return w, nil
}

func (w *reading) bytes() int64 { return 4 * int64(w.words) }

// tokens are those of Case.
func (w *reading) stored() int { return w.pages * pageTokens }

// place adds the place of each page, K then V, to the frame.
func (w *reading) place(make func(kind, page int) []uint32) (words []uint32) {
	frame := shaders.Frame{Tokens: uint32(w.stored()), End: uint32(w.stored())}.AppendTo(nil)
	for i := range w.pages {
		for kind := range 2 {
			frame = append(frame, uint32(len(words)))
			page := make(kind, i)
			w.words += len(page)
			words = append(words, page...)
			for len(words)%shaders.Align != 0 {
				words = append(words, 0)
			}
		}
	}
	w.frame = w.upload("frame", frame)
	return words
}

// rangedPages have the case's bits in every group, ranges of 0.5 to 1 and any codes.
func (w *reading) rangedPages() []uint32 {
	r := rand.New(rand.NewPCG(3, 4))
	bits := make([]uint8, pageTokens*kvHeads)
	for g := range bits {
		bits[g] = w.Bits
	}
	return w.place(func(int, int) []uint32 {
		page := make([]uint32, w.layout.PageWords(bits))
		for i := range page {
			page[i] = r.Uint32()
		}
		copy(page, []uint32{shaders.PageMagic, uint32(len(page)), uint32(len(bits)), 0})
		copy(page[shaders.HeaderWords:], shaders.PackBits(bits))
		n := len(bits)
		for i := w.layout.RangesAt(n); i < w.layout.OutlierValuesAt(n); i++ {
			page[i] = 0xb8003c00&^0x01ff0000 | r.Uint32()&0x01ff0000 | 0x80000000
		}
		for i := w.layout.OutlierValuesAt(n); i < w.layout.OutlierIndicesAt(n); i++ {
			page[i] = page[i]&0x83ff83ff | 0x40004000
		}
		for i := w.layout.OutlierIndicesAt(n); i < w.layout.PageHeaderWords(n); i++ {
			page[i] &= 0x7f7f7f7f
		}
		return page
	})
}

// recordPages have levels in the proportions of shares and any codes.
func (w *reading) recordPages() []uint32 {
	r := rand.New(rand.NewPCG(3, 4))
	levels := make([][]uint8, w.pages)
	for i := range levels {
		levels[i] = make([]uint8, pageTokens)
		for t := range levels[i] {
			for u := r.Float64(); levels[i][t] < shaders.Levels-1 && u >= shares[levels[i][t]]; levels[i][t]++ {
				u -= shares[levels[i][t]]
			}
		}
	}
	return w.place(func(_, i int) []uint32 {
		page := make([]uint32, w.tables.PageWords(levels[i]))
		for i := range page {
			page[i] = r.Uint32()
		}
		copy(page, []uint32{shaders.RecordMagic, uint32(len(page)), pageTokens, 0, 0, 0, 0, 0})
		copy(page[shaders.RecordHeaderWords:], shaders.PackBits(levels[i]))
		return page
	})
}

// ratedTables have so many bits a channel on average over shares, falling by two
// bits every third of a row, and matrices that turn nothing.
func ratedTables(c Case) *shaders.Tables {
	t := &shaders.Tables{Records: shaders.Records{Type: c.Type, HeadDim: c.HeadDim, Heads: kvHeads}}
	low, high := -10.0, 10.0
	for range 40 {
		theta := (low + high) / 2
		mean := 0.0
		for l := range t.Populations {
			p := populationAt(c.HeadDim, theta+float64(l)/2)
			mean += shares[l] * float64(p.Bits()) / float64(c.HeadDim)
			t.Populations[l] = make([]shaders.Population, kvHeads)
			for h := range kvHeads {
				t.Populations[l][h] = p
			}
		}
		if mean < c.Rate {
			low = theta
		} else {
			high = theta
		}
	}
	t.Magnitudes, t.Coefficients = [7]uint8{26, 20, 62, 11, 33, 59, 91}, [4]float32{88, 30, -21, 55}
	for k := range t.Thresholds {
		t.Thresholds[k] = float32(k-127) / 32
	}
	n := kvHeads * c.HeadDim
	t.Mean, t.Forward, t.Inverse = make([]float32, n), make([]float32, n*c.HeadDim), make([]float32, n*c.HeadDim)
	for i := range n {
		t.Forward[i*c.HeadDim+i%c.HeadDim], t.Inverse[i*c.HeadDim+i%c.HeadDim] = 1, 1.0/32
	}
	return t
}

func populationAt(headDim int, theta float64) (p shaders.Population) {
	for channel := range headDim {
		bits := math.Round(theta + 2 - 6*float64(channel)/float64(headDim))
		for plane := range int(min(max(bits, 0), shaders.Planes)) {
			p[plane]++
		}
	}
	return p
}

// record records the kernels.
func (w *reading) record() {
	vectors := queryHeads / kvHeads
	target := w.device.Limits().Target()
	tile := target.Tile(w.HeadDim, vectors, w.stored())
	tiles := kvHeads * ((vectors + tile - 1) / tile)
	splits := (w.stored() + recordSplits - 1) / recordSplits
	arranged := shaders.Arranged{Records: shaders.Records{Type: w.Type, HeadDim: w.HeadDim, Heads: kvHeads}, Tiles: tiles, Queries: tile, Pages: w.pages}
	align := w.device.Limits().ViewAlign
	at := (arranged.Words() + align - 1) / align * align
	w.scratch = w.make("scratch", at+tiles*tile*w.stored(), device.DeviceLocal)
	w.partials = w.make("partials", shaders.RecordPartialsWords(w.HeadDim, splits, queryHeads), device.DeviceLocal)
	rotations := w.upload("rotations", make([]uint32, w.pages*w.HeadDim))
	if w.err != nil {
		return
	}
	queries := device.View{Buffer: w.scratch, Words: at}
	scores := device.View{Buffer: w.scratch, Offset: at, Words: tiles * tile * w.stored()}
	setting := shaders.Setting{Layout: w.layout, Out: w.Type, Queries: tile}
	run := func(k *shaders.Kernel, push []byte, workgroups func(p shaders.Pipeline) uint32, views ...device.View) {
		p := shaders.Specialize(k, target, setting).Tune(w.tune)
		w.list.Dispatch(device.Dispatch{Kernel: k, Spec: p.Words(), Push: push, Workgroups: workgroups(p), Views: views})
	}
	step := func(label string) {
		w.list.Mark(label)
		w.list.Barrier(device.Shader, device.Shader)
	}
	q := shaders.ArrangeQueriesPush{Vectors: uint32(vectors), Heads: kvHeads, PerHead: uint32(vectors), RowHeads: queryHeads, Scale: 0.1}
	run(shaders.ArrangeQueries, q.Bytes(), func(p shaders.Pipeline) uint32 { return p.Workgroups(tiles * shaders.Blocks(w.HeadDim) * tile) },
		device.Whole(w.rows), queries)
	runs := func(p shaders.Pipeline) uint32 {
		return uint32(tiles * ((w.stored() + int(p.Spec.Workgroup) - 1) / int(p.Spec.Workgroup)))
	}
	sums := func(p shaders.Pipeline) uint32 { return p.Workgroups(splits * tiles * shaders.Blocks(w.HeadDim)) }
	if w.Rate == 0 {
		step("arrange")
		score := shaders.ScorePush{Vectors: uint32(vectors), Heads: kvHeads, Stride: uint32(w.stored()), PageTokens: pageTokens, GroupsPerToken: kvHeads}
		run(shaders.Score, score.Bytes(), runs, device.Whole(w.store), device.Whole(w.frame), queries, scores)
		step("score")
		sum := shaders.WeightedSumPush{Vectors: uint32(vectors), Heads: kvHeads, Stride: uint32(w.stored()), PageTokens: pageTokens, GroupsPerToken: kvHeads}
		run(shaders.WeightedSum, sum.Bytes(), sums, device.Whole(w.store), device.Whole(w.frame), scores, device.Whole(w.partials))
		step("weighted_sum")
		combine := shaders.CombinePush{Vectors: uint32(vectors), Heads: kvHeads, PerHead: uint32(vectors), RowHeads: queryHeads}
		run(shaders.Combine, combine.Bytes(), func(p shaders.Pipeline) uint32 { return p.Workgroups(queryHeads * w.HeadDim / 2) },
			device.Whole(w.frame), device.Whole(w.partials), device.Whole(w.rows))
		w.list.Mark("combine")
		return
	}
	tables := w.upload("tables", append(w.tables.Words(), w.tables.Words()...))
	values := w.upload("tables.v", w.tables.Words())
	if w.err != nil {
		return
	}
	arrange := shaders.ArrangeCalibratedPush{Vectors: q.Vectors, Heads: q.Heads, PerHead: q.PerHead, RowHeads: q.RowHeads, Scale: q.Scale}
	run(shaders.ArrangeCalibrated, arrange.Bytes(), func(p shaders.Pipeline) uint32 { return shaders.ArrangeWorkgroups(p, tiles) },
		device.Whole(w.rows), device.Whole(tables), queries)
	w.list.Mark("arrange_calibrated")
	means := shaders.ArrangeMeansPush{Vectors: q.Vectors, Heads: q.Heads, PerHead: q.PerHead, RowHeads: q.RowHeads, Scale: q.Scale, Pages: uint32(w.pages), Rotary: uint32(w.HeadDim)}
	run(shaders.ArrangeMeans, means.Bytes(), func(p shaders.Pipeline) uint32 {
		return uint32(tiles * ((w.pages + int(p.Spec.Workgroup) - 1) / int(p.Spec.Workgroup)))
	}, device.Whole(w.rows), device.Whole(tables), device.Whole(rotations), queries)
	step("arrange_means")
	score := shaders.ScoreCalibratedPush{Vectors: uint32(vectors), Heads: kvHeads, Stride: uint32(w.stored()), PageTokens: pageTokens, MeanPages: uint32(w.pages)}
	run(shaders.ScoreCalibrated, score.Bytes(), runs, device.Whole(w.store), device.Whole(w.frame), queries, scores)
	step("score")
	sum := shaders.WeightedSumCalibratedPush{Vectors: uint32(vectors), Heads: kvHeads, Stride: uint32(w.stored()), PageTokens: pageTokens, ScoresAt: uint32(at), Splits: uint32(splits)}
	run(shaders.WeightedSumCalibrated, sum.Bytes(), sums, device.Whole(w.store), device.Whole(w.frame), device.Whole(w.scratch), device.Whole(w.partials))
	step("weighted_sum")
	combine := shaders.CombineCalibratedPush{Vectors: uint32(vectors), Heads: kvHeads, PerHead: uint32(vectors), RowHeads: queryHeads, Splits: uint32(splits)}
	run(shaders.CombineCalibrated, combine.Bytes(), func(shaders.Pipeline) uint32 { return shaders.CombineWorkgroups(kvHeads, vectors) },
		device.Whole(w.frame), device.Whole(w.partials), device.Whole(values), device.Whole(w.rows))
	w.list.Mark("combine")
}
