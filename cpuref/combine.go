package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Combine writes the rows that some KV heads have of output rows [n][QH][D] of
// OUT_TYPE: the sums of the partial
// outputs of all splits, in order.
func Combine(s shaders.Spec, p shaders.CombinePush, plan, partials, rows []uint32) error {
	l, err := layoutOf("combine", s)
	if err != nil {
		return err
	}
	if err := checkOut("combine", s.OutType); err != nil {
		return err
	}
	f, err := openFrame(buffer{"combine", "plan", plan})
	if err != nil {
		return err
	}
	g := grouping{uint64(p.Vectors), uint64(p.Heads), uint64(p.PerHead), uint64(p.RowHeads)}
	if err := g.check("combine"); err != nil {
		return err
	}
	d, n := uint64(l.HeadDim), g.vectors*g.heads
	words := d * uint64(shaders.ElementBytes(s.OutType)) / 4
	in, err := buffer{"combine", "partials", partials}.spanOf(0, f.splits(f.tokens), n, d)
	if err != nil {
		return err
	}
	out, err := g.rows(buffer{"combine", "rows", rows}, p.RowFirst, words)
	if err != nil {
		return err
	}
	return parallel(int(n), l.HeadDim, func(from, to int) error {
		room := make([]uint32, d)
		for i := uint64(from); i < uint64(to); i++ {
			mergeRow(in, i*d, n*d, s.OutType, room)
			at := g.row(i/g.vectors, i%g.vectors) * words
			packRow(room, elements{s.OutType, out[at : at+words]})
		}
		return nil
	})
}

// mergeRow sums the partial outputs from word at, a stride apart, and narrows.
func mergeRow(in []uint32, at, stride uint64, typ uint32, row []uint32) {
	for d := range row {
		sum := float32(0)
		for i := at + uint64(d); i < uint64(len(in)); i += stride {
			sum += math.Float32frombits(in[i])
		}
		row[d] = Narrow(typ, math.Float32bits(sum))
	}
}
