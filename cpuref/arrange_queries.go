package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ArrangeQueries arranges the rows that some KV heads have of query rows
// [n][QH][D] of TYPE for Score: scaled, in f32, with the sums of their blocks, in
// tiles of QUERIES vectors, the last of a KV head filled up with zero vectors.
// The padding behind a tile is not written.
func ArrangeQueries(s shaders.Spec, p shaders.ArrangeQueriesPush, rows, queries []uint32) error {
	const k = kernel("arrange_queries")
	return try(func() {
		l, g, t := k.layout(s), k.grouping(p.Vectors, p.Heads, p.PerHead, p.RowHeads), k.tiles(s, p.Vectors)
		k.checkScale(p.Scale)
		row := uint64(l.RawRowWords())
		in := g.rows(buffer{k, "rows", rows}, p.RowFirst, row)
		out := buffer{k, "queries", queries}.spanOf(0, g.heads, t.perHead, t.words())
		arrangeTiles(s, t, g, in, p.Scale, out)
	})
}

// arrangeTiles writes all tiles of rows.
func arrangeTiles(s shaders.Spec, t tiles, g grouping, rows []uint32, scale float32, out []uint32) {
	row := t.d * uint64(shaders.ElementBytes(s.Type)) / 4
	parallel(int(g.heads*t.perHead), int(t.words()), func(from, to int) {
		for n := uint64(from); n < uint64(to); n++ {
			tile := out[n*t.words():]
			for column := range t.queries {
				h, v := n/t.perHead, n%t.perHead*t.queries+column
				if v < g.vectors {
					t.arrange(tile[column:], elements{s.Type, rows[g.row(h, v)*row:]}, scale)
				} else {
					t.clear(tile[column:])
				}
			}
		}
	})
}

// arrange writes a row to a column.
func (t tiles) arrange(column []uint32, row elements, scale float32) {
	for b := range t.blocks {
		sum := float32(0)
		for d := b * shaders.BlockElements; d < min((b+1)*shaders.BlockElements, t.d); d++ {
			y := scaled(row, int(d), scale)
			column[d*t.queries] = math.Float32bits(y)
			sum += y
		}
		column[(t.d+b)*t.queries] = math.Float32bits(sum)
	}
}

// clear writes a zero vector to a column.
func (t tiles) clear(column []uint32) {
	for i := range t.d + t.blocks {
		column[i*t.queries] = 0
	}
}
