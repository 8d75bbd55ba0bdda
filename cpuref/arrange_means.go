package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ArrangeMeans writes the products of query rows [n][QH][D] with the mean of the K
// rows of each page.
func ArrangeMeans(s shaders.Spec, p shaders.ArrangeMeansPush, rows, words, rotations, queries []uint32) error {
	const k = kernel("arrange_means")
	return try(func() {
		l, g, t := k.layout(s), k.grouping(p.Vectors, p.Heads, p.PerHead, p.RowHeads), k.tiles(s, p.Vectors)
		k.checkHeads(l, p.HeadFirst, p.Heads)
		of := openTables(l, buffer{k, "tables", words}, 0)
		pairs, turns := k.pairing(p.Rotary, p.Interleaved, l.HeadDim), buffer{k, "rotations", rotations}
		out := openArranged(buffer{k, "queries", queries}, of.record.Records, t, g.heads, p.Stretches)
		row := uint64(l.RawRowWords())
		from := g.rows(buffer{k, "rows", rows}, p.RowFirst, row)
		y := make([]float32, l.HeadDim)
		for n := range g.heads * t.perHead {
			h := n / t.perHead
			for column := range t.queries {
				clear(y)
				if v := n%t.perHead*t.queries + column; v < g.vectors {
					scaleRow(elements{s.Type, from[g.row(h, v)*row:]}, p.Scale, y)
				}
				products := pairs.multiply(y, of.mean(l, int(uint64(p.HeadFirst)+h)))
				for i := range uint64(p.Pages) {
					rotation := floats(turns.spanOf((uint64(p.PageFirst)+i)*uint64(p.Rotary), uint64(p.Rotary)))
					out.means(n, i, uint64(p.Pages))[column] = math.Float32bits(products.turned(rotation))
				}
			}
		}
	})
}
