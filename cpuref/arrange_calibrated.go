package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ArrangeCalibrated writes the coded form of query rows [n][QH][D] in tiles, and the
// record tables of K and of V before them. words are the tables of K, then of V.
func ArrangeCalibrated(s shaders.Spec, p shaders.ArrangeCalibratedPush, rows, words, queries []uint32) error {
	const k = kernel("arrange_calibrated")
	return try(func() {
		l, g, t := k.layout(s), k.grouping(p.Vectors, p.Heads, p.PerHead, p.RowHeads), k.tiles(s, p.Vectors)
		k.checkHeads(l, p.HeadFirst, p.Heads)
		r := shaders.Records{Type: l.Type, HeadDim: l.HeadDim, Heads: l.Rows}
		in := buffer{k, "tables", words}
		tables := [2]tables{openTables(l, in, 0), openTables(l, in, uint64(r.AllWords()))}
		out := openArranged(buffer{k, "queries", queries}, r, t, g.heads)
		for kind := range tables {
			copy(out.table(kind), in.span(uint64(kind*r.AllWords()), uint64(r.TableWords())))
		}
		row := uint64(l.RawRowWords())
		from := g.rows(buffer{k, "rows", rows}, p.RowFirst, row)
		y, w := make([]float32, l.HeadDim), make([]float32, l.HeadDim)
		for n := range g.heads * t.perHead {
			for column := range t.queries {
				h, v := n/t.perHead, n%t.perHead*t.queries+column
				clear(w)
				if v < g.vectors {
					query := elements{s.Type, from[g.row(h, v)*row:]}
					for d := range y {
						y[d] = scaled(query, d, p.Scale)
					}
					codedQuery(headOf(tables[0].inverse, l, int(uint64(p.HeadFirst)+h)), y, w)
				}
				for c, x := range w {
					out.coded(n)[uint64(c)*t.queries+column] = math.Float32bits(x)
				}
			}
		}
	})
}

// codedQuery writes the coded form of a query.
func codedQuery(inverse shaders.Matrix, y, w []float32) {
	for c := range w {
		sum := float32(0)
		for d := range y {
			sum += float32(float32(inverse.Bytes[d*len(y)+c]) * y[d])
		}
		w[c] = cut(float32(inverse.Scales[c]*sum), mostCoded)
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

func openArranged(words buffer, r shaders.Records, t tiles, heads uint64) arrangedQueries {
	return arrangedQueries{t, shaders.Arranged{Records: r, Tiles: int(heads * t.perHead), Queries: int(t.queries)}, words}
}

// table returns the words of the record table of a kind.
func (q arrangedQueries) table(kind int) []uint32 {
	n := q.a.Records.TableWords()
	return q.words.span(uint64(q.a.TablesAt()+kind*n), uint64(n))
}

// coded returns a coded tile.
func (q arrangedQueries) coded(tile uint64) []uint32 {
	n := q.d * q.queries
	return q.words.span(uint64(q.a.CodedAt())+tile*n, n)
}

// means returns the products with the mean of a page, number i of so many.
func (q arrangedQueries) means(tile, i, pages uint64) []uint32 {
	return q.words.span(uint64(q.a.MeansAt())+(tile*pages+i)*q.queries, q.queries)
}
