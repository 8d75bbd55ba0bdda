package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// ArrangeQueries arranges the rows that some KV heads have of query rows [n][QH][D] of
// TYPE for Score: scaled, in f32, with
// the sums of their chunks, in tiles of QUERIES vectors, the last of a KV head
// filled up with zero vectors. The padding behind a tile is not written.
func ArrangeQueries(s shaders.Spec, p shaders.ArrangeQueriesPush, rows, queries []uint32) error {
	l, err := layoutOf("arrange_queries", s)
	if err != nil {
		return err
	}
	g := grouping{uint64(p.Vectors), uint64(p.Heads), uint64(p.PerHead), uint64(p.RowHeads)}
	if err := g.check("arrange_queries"); err != nil {
		return err
	}
	if !isFinite(p.Scale) {
		return argument("arrange_queries", "scale %g: must be finite", p.Scale)
	}
	t, err := tilesOf("arrange_queries", s.HeadDim, s.Queries, g.vectors)
	if err != nil {
		return err
	}
	row := uint64(l.RawRowWords())
	in, err := g.rows(buffer{"arrange_queries", "rows", rows}, p.RowFirst, row)
	if err != nil {
		return err
	}
	out, err := buffer{"arrange_queries", "queries", queries}.spanOf(0, g.heads, t.perHead, t.words())
	if err != nil {
		return err
	}
	n := g.heads * t.perHead
	return parallel(int(n), int(t.words()), func(from, to int) error {
		for i := uint64(from); i < uint64(to); i++ {
			tile := out[i*t.words():]
			h, first := i/t.perHead, i%t.perHead*t.queries
			for slot := range t.queries {
				v := first + slot
				if v >= g.vectors {
					t.putZero(tile, slot)
					continue
				}
				t.put(tile, slot, elements{s.Type, in[g.row(h, v)*row:]}, p.Scale)
			}
		}
		return nil
	})
}
