package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Combine writes the rows that some KV heads have of output rows [n][QH][D] of
// OUT_TYPE: the sums of the partial outputs of all splits, in order.
func Combine(s shaders.Spec, p shaders.CombinePush, frame, partials, rows []uint32) error {
	const k = kernel("combine")
	return try(func() {
		l, f := k.layout(s), openFrame(buffer{k, "frame", frame})
		k.checkOut(s.OutType)
		g := k.grouping(p.Vectors, p.Heads, p.PerHead, p.RowHeads)
		d, n := uint64(l.HeadDim), g.vectors*g.heads
		words := d * uint64(shaders.ElementBytes(s.OutType)) / 4
		in := buffer{k, "partials", partials}.spanOf(0, f.splits(f.tokens), n, d)
		out := g.rows(buffer{k, "rows", rows}, p.RowFirst, words)
		parallel(int(n), l.HeadDim, func(from, to int) {
			row := make([]uint32, d)
			for i := uint64(from); i < uint64(to); i++ {
				combined(in, i*d, n*d, s.OutType, row)
				packRow(row, elements{s.OutType, out[g.row(i/g.vectors, i%g.vectors)*words:][:words]})
			}
		})
	})
}

// combined sums the partial outputs from word at, a stride apart, and narrows.
func combined(in []uint32, at, stride uint64, typ uint32, row []uint32) {
	for d := range row {
		sum := float32(0)
		for i := at + uint64(d); i < uint64(len(in)); i += stride {
			sum += math.Float32frombits(in[i])
		}
		row[d] = Narrow(typ, math.Float32bits(sum))
	}
}
