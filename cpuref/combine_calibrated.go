package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// CombineCalibrated writes the rows that some KV heads have of output rows [n][QH][D]
// of OUT_TYPE: the raw partial outputs of all splits, and the coded ones of those with
// tokens in pages, brought back from their basis.
func CombineCalibrated(s shaders.Spec, p shaders.CombineCalibratedPush, frame, partials, words, rows []uint32) error {
	const k = kernel("combine_calibrated")
	return try(func() {
		l, f := k.layout(s), openFrame(buffer{k, "frame", frame})
		k.checkOut(s.OutType)
		k.checkHeads(l, p.HeadFirst, p.Heads)
		if f.splits(f.tokens) > uint64(p.Splits) {
			k.fail("room for partials of %d splits: there are %d", p.Splits, f.splits(f.tokens))
		}
		g := k.grouping(p.Vectors, p.Heads, p.PerHead, p.RowHeads)
		in := openRecordPartials(buffer{k, "partials", partials}, p.Splits, p.Heads, p.Vectors, l.HeadDim)
		of := openTables(l, buffer{k, "tables", words}, 0)
		row := in.d * uint64(shaders.ElementBytes(s.OutType)) / 4
		out := g.rows(buffer{k, "rows", rows}, p.RowFirst, row)
		var inverse []matrix // of each head
		for h := range int(p.Heads) {
			inverse = append(inverse, headOf(of.inverse, l, int(p.HeadFirst)+h))
		}
		parallel(int(g.vectors*g.heads), l.HeadDim*l.HeadDim, func(from, to int) {
			for i := uint64(from); i < uint64(to); i++ {
				h, v := i/g.vectors, i%g.vectors
				combineRecords(inverse[h], of.mean(l, int(uint64(p.HeadFirst)+h)), &in, f, h, v,
					elements{s.OutType, out[g.row(h, v)*row:][:row]})
			}
		})
	})
}

// combineRecords writes one output row.
func combineRecords(inverse matrix, mean []float32, in *recordPartials, f frame, h, v uint64, out elements) {
	raw, coded, back := make([]float32, in.d), make([]float32, in.d), make([]float32, in.d)
	mass := float32(0)
	for split := range f.splits(f.tokens) {
		sumInto(raw, in.raw[in.row(split, h, v)*in.d:])
	}
	for split := range f.splits(f.end) {
		row := in.row(split, h, v)
		sumInto(coded, in.coded[row*in.d:])
		mass += math.Float32frombits(in.mass[row])
	}
	for c := range coded {
		coded[c] = cutCoded(coded[c])
	}
	inverse.bringBack(coded, back)
	row := make([]uint32, in.d)
	for d, m := range mean {
		row[d] = Narrow(out.typ, math.Float32bits(flush(raw[d]+(back[d]+float32(mass*m)))))
	}
	packRow(row, out)
}

func sumInto(sums []float32, words []uint32) {
	for i := range sums {
		sums[i] += math.Float32frombits(words[i])
	}
}
