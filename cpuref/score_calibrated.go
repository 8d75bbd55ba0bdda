package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ScoreCalibrated writes the scores of arranged queries and K records.
func ScoreCalibrated(s shaders.Spec, p shaders.ScoreCalibratedPush, pages, frame, queries, scores []uint32) error {
	const k = kernel("score_calibrated")
	return try(func() {
		l, t := k.layout(s), k.tiles(s, p.Vectors)
		k.checkHeads(l, p.HeadFirst, p.Heads)
		if s.Workgroup == 0 || shaders.StretchTokens%s.Workgroup != 0 {
			k.fail("workgroups of %d tokens: must divide %d", s.Workgroup, shaders.StretchTokens)
		}
		if n := uint64(l.HeadDim) * t.queries; uint64(s.Staged)*n > maxStaged {
			k.fail("%d staged tiles of %d words: must be at most %d words", s.Staged, n, maxStaged)
		}
		if !isFinite(p.Cap) || !isFinite(p.InverseCap) {
			k.fail("soft cap %g, inverse %g: must be finite", p.Cap, p.InverseCap)
		}
		f := openFrame(buffer{k, "frame", frame})
		c := recordScorer{l: l, p: p, t: t, f: f}
		in, out := buffer{k, "queries", queries}, buffer{k, "scores", scores}
		checkWhole(in, out)
		c.out = openScores(out, f, t, p.Heads, p.Stride, f.end)
		c.queries = openArranged(in, shaders.Records{Type: l.Type, HeadDim: l.HeadDim, Heads: l.Rows}, t, uint64(p.Heads), p.Stretches)
		if p.Heads == 0 || p.Vectors == 0 || f.begin() >= f.end {
			return
		}
		c.table = openRecordTable(l, in, c.queries.table(int(shaders.Key)))
		c.pages = openRecordParts(c.table.Records, f, uint64(p.PageTokens), buffer{k, "pages", pages}, func(p shaders.FramePages) uint32 { return p.K })
		parallel(int(f.end-f.begin()), int(p.Heads)*l.HeadDim*int(p.Vectors), func(from, to int) {
			x := make([]float32, l.HeadDim)
			for i := from; i < to; i++ {
				c.score(f.begin()+uint64(i), x)
			}
		})
	})
}

type recordScorer struct {
	l       shaders.Layout
	p       shaders.ScoreCalibratedPush
	t       tiles
	f       frame
	table   recordTable
	pages   recordParts
	queries arrangedQueries
	out     scoreTiles
}

// score writes the scores of a token.
func (c *recordScorer) score(t uint64, x []float32) {
	page, i := c.pages.of(t)
	level, number := page.Levels[i], t/uint64(c.p.PageTokens)
	y := make([]float32, len(x))
	for n := range uint64(c.p.Heads) * c.t.perHead {
		h := int(uint64(c.p.HeadFirst) + n/c.t.perHead)
		tile := c.queries.words.span(n*c.t.words(), c.t.words())
		if level == shaders.Raw {
			row := elements{c.l.Type, page.Record(i)[h*c.l.RawRowWords():]}
			for d := range x {
				x[d] = bound(loadFinite(row.typ, row.at(d)))
			}
		} else {
			c.table.values.loadCoded(page.Records, page.Record(i), level, h, x)
			tile = c.queries.coded(n, t/shaders.StretchTokens-uint64(c.p.StretchFirst))
		}
		for column := range c.t.queries {
			for d := range y {
				y[d] = math.Float32frombits(tile[uint64(d)*c.t.queries+column])
			}
			score := dot(y, x)
			if level != shaders.Raw {
				means := c.queries.means(n, number-uint64(c.p.MeanFirst), uint64(c.p.MeanPages))
				score += math.Float32frombits(means[column])
			}
			c.out.words[c.out.tile(n, t-c.f.base)+column] = math.Float32bits(finished(score, c.p.Cap, c.p.InverseCap))
		}
	}
}

// recordParts are the pages of records of a frame.
type recordParts struct {
	f          frame
	pageTokens uint64
	page0      uint64 // number of the first page in pages
	pages      []*RecordPage
}

// openRecordParts parses the pages, of which pageOf chooses K or V.
func openRecordParts(r shaders.Records, f frame, pageTokens uint64, in buffer, pageOf func(shaders.FramePages) uint32) recordParts {
	checkWhole(in)
	switch {
	case pageTokens == 0 || pageTokens > shaders.MaxPage:
		in.fail("pages of %d tokens: must be 1 to %d", pageTokens, shaders.MaxPage)
	case f.first%pageTokens != 0:
		in.fail("tokens from %d: must begin with a page of %d", f.first, pageTokens)
	}
	p := recordParts{f: f, pageTokens: pageTokens, page0: (f.begin() - f.first) / pageTokens}
	for i := p.page0; i <= (f.end-1-f.first)/pageTokens; i++ {
		pair := jobAt(f.words, shaders.FrameWords, shaders.FramePagesWords, i, shaders.ParseFramePages)
		p.pages = append(p.pages, openRecordsAt(r, in, pageOf(pair), int(pageTokens)))
	}
	return p
}

// of returns the page of a token and its number there.
func (p *recordParts) of(t uint64) (*RecordPage, int) {
	i := t - p.f.first
	return p.pages[i/p.pageTokens-p.page0], int(i % p.pageTokens)
}
