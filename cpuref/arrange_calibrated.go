package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ArrangeCalibrated writes query rows [n][QH][D] in tiles as ArrangeQueries does, but for
// sums of blocks, then the record tables of K and of V and the coded form of the rows for each
// stretch. words are the tables of K, then of V.
func ArrangeCalibrated(s shaders.Spec, p shaders.ArrangeCalibratedPush, rows, words, rotations, queries []uint32) error {
	const k = kernel("arrange_calibrated")
	return try(func() {
		l, g, t := k.layout(s), k.grouping(p.Vectors, p.Heads, p.PerHead, p.RowHeads), k.tiles(s, p.Vectors)
		k.checkHeads(l, p.HeadFirst, p.Heads)
		k.checkScale(p.Scale)
		r := shaders.Records{Type: l.Type, HeadDim: l.HeadDim, Heads: l.Rows}
		in := buffer{k, "tables", words}
		tables := [2]tables{openTables(l, in, 0), openTables(l, in, uint64(r.AllWords()))}
		out := openArranged(buffer{k, "queries", queries}, r, t, g.heads, p.Stretches)
		for kind := range tables {
			copy(out.table(kind), in.span(uint64(kind*r.AllWords()), uint64(r.TableWords())))
		}
		row := uint64(l.RawRowWords())
		from := g.rows(buffer{k, "rows", rows}, p.RowFirst, row)
		pairs, turns := k.pairing(p.Rotary, p.Interleaved, l.HeadDim), buffer{k, "rotations", rotations}
		plain := out.words.spanOf(0, g.heads, t.perHead, t.words())
		y, turned, w := make([]float32, l.HeadDim), make([]float32, l.HeadDim), make([]float32, l.HeadDim)
		for n := range g.heads * t.perHead {
			h := n / t.perHead
			inverse := headOf(tables[0].inverse, l, int(uint64(p.HeadFirst)+h))
			for column := range t.queries {
				clear(y)
				if v := n%t.perHead*t.queries + column; v < g.vectors {
					scaleRow(elements{s.Type, from[g.row(h, v)*row:]}, p.Scale, y)
				}
				for d, x := range y {
					plain[n*t.words()+uint64(d)*t.queries+column] = math.Float32bits(x)
				}
				for stretch := range uint64(p.Stretches) {
					rotation := floats(turns.spanOf((uint64(p.StretchFirst)+stretch)*uint64(p.Rotary), uint64(p.Rotary)))
					pairs.turnBack(y, rotation, turned)
					inverse.code(turned, w)
					tile := out.coded(n, stretch)
					for c, x := range w {
						tile[uint64(c)*t.queries+column] = math.Float32bits(x)
					}
				}
			}
		}
	})
}

// code writes the coded form of a query.
func (inverse matrix) code(y, w []float32) {
	for c := range w {
		sum := float32(0)
		for d := range y {
			sum += float32(inverse.rows[d*len(y)+c] * y[d])
		}
		w[c] = cut(float32(inverse.scales[c]*sum), mostCoded)
	}
}

// checkHeads fails unless a layer has KV heads first to first+n-1.
func (k kernel) checkHeads(l shaders.Layout, first, n uint32) {
	if uint64(first)+uint64(n) > uint64(l.Rows) {
		k.fail("%d KV heads from head %d: a record has %d", n, first, l.Rows)
	}
}

// arrangedQueries are the queries of a dispatch, record tables and coded tiles
// included.
type arrangedQueries struct {
	tiles
	a     shaders.Arranged
	words buffer
}

func openArranged(words buffer, r shaders.Records, t tiles, heads uint64, stretches uint32) arrangedQueries {
	return arrangedQueries{t, shaders.Arranged{Records: r, Tiles: int(heads * t.perHead), Queries: int(t.queries), Stretches: int(stretches)}, words}
}

// table returns the words of the record table of a kind.
func (q arrangedQueries) table(kind int) []uint32 {
	n := q.a.Records.TableWords()
	return q.words.span(uint64(q.a.TablesAt()+kind*n), uint64(n))
}

// coded returns the coded tile of a stretch, number i of them.
func (q arrangedQueries) coded(tile, i uint64) []uint32 {
	n := q.d * q.queries
	return q.words.span(uint64(q.a.CodedAt())+(tile*uint64(q.a.Stretches)+i)*n, n)
}

// means returns the products with the mean of a page, number i of so many.
func (q arrangedQueries) means(tile, i, pages uint64) []uint32 {
	return q.words.span(uint64(q.a.MeansAt())+(tile*pages+i)*q.queries, q.queries)
}
