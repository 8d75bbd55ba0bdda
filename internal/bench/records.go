package bench

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

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

// stored is the tokens of whole pages.
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

// recorded is what the kernels of a reading share.
type recorded struct {
	vectors, tile, tiles, splits int
	setting                      shaders.Setting
	queries, scores              device.View
	partials                     device.View
}

// record records the kernels.
func (w *reading) record() {
	r := recorded{vectors: queryHeads / kvHeads, splits: (w.stored() + shaders.SplitTokens - 1) / shaders.SplitTokens}
	limits := w.device.Limits()
	r.tile = limits.Target().Tile(w.HeadDim, r.vectors, w.stored())
	r.tiles = kvHeads * ((r.vectors + r.tile - 1) / r.tile)
	r.setting = shaders.Setting{Layout: w.layout, Out: w.Type, Queries: r.tile}
	arranged := shaders.Arranged{Records: shaders.Records{Type: w.Type, HeadDim: w.HeadDim, Heads: kvHeads}, Tiles: r.tiles, Queries: r.tile, Pages: w.pages}
	at, n := (arranged.Words()+limits.ViewAlign-1)/limits.ViewAlign*limits.ViewAlign, r.tiles*r.tile*w.stored()
	scratch := w.make("scratch", at+n, device.DeviceLocal)
	partials := w.make("partials", shaders.RecordPartialsWords(w.HeadDim, r.splits, queryHeads), device.DeviceLocal)
	if w.err != nil {
		return
	}
	r.queries, r.scores = device.View{Buffer: scratch, Words: at}, device.View{Buffer: scratch, Offset: at, Words: n}
	r.partials = device.Whole(partials)
	q := shaders.ArrangeQueriesPush{Vectors: uint32(r.vectors), Heads: kvHeads, PerHead: uint32(r.vectors), RowHeads: queryHeads, Scale: 0.1}
	w.dispatch(r, shaders.ArrangeQueries, q.Bytes(), func(p shaders.Pipeline) uint32 {
		return p.Workgroups(r.tiles * shaders.Blocks(w.HeadDim) * r.tile)
	}, device.Whole(w.rows), r.queries)
	if w.Rate > 0 {
		w.recordCalibrated(r, at)
	} else {
		w.recordRanged(r)
	}
}

// dispatch records a kernel.
func (w *reading) dispatch(r recorded, k *shaders.Kernel, push []byte, workgroups func(shaders.Pipeline) uint32, views ...device.View) {
	p := shaders.Specialize(k, w.device.Limits().Target(), r.setting).Tune(w.tune)
	w.list.Dispatch(device.Dispatch{Kernel: k, Spec: p.Words(), Push: push, Workgroups: workgroups(p), Views: views})
}

// step ends a step that the next one builds on.
func (w *reading) step(label string) {
	w.list.Mark(label)
	w.list.Barrier(device.Shader, device.Shader)
}

// scoreGroups and sumGroups are the workgroups of score and weighted_sum.
func (w *reading) scoreGroups(r recorded) func(shaders.Pipeline) uint32 {
	return func(p shaders.Pipeline) uint32 {
		return uint32(r.tiles * ((w.stored() + int(p.Spec.Workgroup) - 1) / int(p.Spec.Workgroup)))
	}
}

func (w *reading) sumGroups(r recorded) func(shaders.Pipeline) uint32 {
	return func(p shaders.Pipeline) uint32 {
		return p.Workgroups(r.splits * r.tiles * shaders.Blocks(w.HeadDim))
	}
}

// recordRanged records the kernels of the paper's codec.
func (w *reading) recordRanged(r recorded) {
	vectors, stored, frame := uint32(r.vectors), uint32(w.stored()), device.Whole(w.frame)
	w.step("arrange_queries")
	score := shaders.ScorePush{Vectors: vectors, Heads: kvHeads, Stride: stored, PageTokens: pageTokens, GroupsPerToken: kvHeads}
	w.dispatch(r, shaders.Score, score.Bytes(), w.scoreGroups(r), device.Whole(w.store), frame, r.queries, r.scores)
	w.step("score")
	sum := shaders.WeightedSumPush{Vectors: vectors, Heads: kvHeads, Stride: stored, PageTokens: pageTokens, GroupsPerToken: kvHeads}
	w.dispatch(r, shaders.WeightedSum, sum.Bytes(), w.sumGroups(r), device.Whole(w.store), frame, r.scores, r.partials)
	w.step("weighted_sum")
	combine := shaders.CombinePush{Vectors: vectors, Heads: kvHeads, PerHead: vectors, RowHeads: queryHeads}
	w.dispatch(r, shaders.Combine, combine.Bytes(), func(p shaders.Pipeline) uint32 { return p.Workgroups(queryHeads * w.HeadDim / 2) },
		frame, r.partials, device.Whole(w.rows))
	w.list.Mark("combine")
}

// recordCalibrated records those of the calibrated codec; scores begin at a word of
// the scratch.
func (w *reading) recordCalibrated(r recorded, at int) {
	tables := w.upload("tables", append(w.tables.Words(), w.tables.Words()...))
	values, rotations := w.upload("tables.v", w.tables.Words()), w.upload("rotations", make([]uint32, w.pages*w.HeadDim))
	if w.err != nil {
		return
	}
	vectors, stored, frame := uint32(r.vectors), uint32(w.stored()), device.Whole(w.frame)
	arrange := shaders.ArrangeCalibratedPush{Vectors: vectors, Heads: kvHeads, PerHead: vectors, RowHeads: queryHeads, Scale: 0.1}
	w.dispatch(r, shaders.ArrangeCalibrated, arrange.Bytes(), func(p shaders.Pipeline) uint32 { return shaders.ArrangeWorkgroups(p, r.tiles) },
		device.Whole(w.rows), device.Whole(tables), r.queries)
	w.list.Mark("arrange_calibrated")
	means := shaders.ArrangeMeansPush{Vectors: vectors, Heads: kvHeads, PerHead: vectors, RowHeads: queryHeads, Scale: 0.1,
		Pages: uint32(w.pages), Rotary: uint32(w.HeadDim)}
	w.dispatch(r, shaders.ArrangeMeans, means.Bytes(), func(p shaders.Pipeline) uint32 {
		return uint32(r.tiles * ((w.pages + int(p.Spec.Workgroup) - 1) / int(p.Spec.Workgroup)))
	}, device.Whole(w.rows), device.Whole(tables), device.Whole(rotations), r.queries)
	w.step("arrange_means")
	score := shaders.ScoreCalibratedPush{Vectors: vectors, Heads: kvHeads, Stride: stored, PageTokens: pageTokens, MeanPages: uint32(w.pages)}
	w.dispatch(r, shaders.ScoreCalibrated, score.Bytes(), w.scoreGroups(r), device.Whole(w.store), frame, r.queries, r.scores)
	w.step("score")
	sum := shaders.WeightedSumCalibratedPush{Vectors: vectors, Heads: kvHeads, Stride: stored, PageTokens: pageTokens, ScoresAt: uint32(at), Splits: uint32(r.splits)}
	w.dispatch(r, shaders.WeightedSumCalibrated, sum.Bytes(), w.sumGroups(r), device.Whole(w.store), frame, device.Whole(r.queries.Buffer), r.partials)
	w.step("weighted_sum")
	combine := shaders.CombineCalibratedPush{Vectors: vectors, Heads: kvHeads, PerHead: vectors, RowHeads: queryHeads, Splits: uint32(r.splits)}
	w.dispatch(r, shaders.CombineCalibrated, combine.Bytes(), func(shaders.Pipeline) uint32 { return shaders.CombineWorkgroups(kvHeads, r.vectors) },
		frame, r.partials, device.Whole(values), device.Whole(w.rows))
	w.list.Mark("combine")
}
