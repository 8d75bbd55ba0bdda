package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// DecodeCalibrated writes the rows of the tokens of pages of records as rows of
// OUT_TYPE.
func DecodeCalibrated(s shaders.Spec, p shaders.DecodeCalibratedPush, jobs uint32, pages, plan, words, rows []uint32) error {
	const k = kernel("decode_calibrated")
	return try(func() {
		k.checkOut(s.OutType)
		d := recordDecoder{l: k.layout(s), p: p, out: s.OutType, pages: buffer{k, "pages", pages}, plan: buffer{k, "plan", plan}, rows: buffer{k, "rows", rows}}
		d.pairing = k.pairing(p.Rotary, p.Interleaved, d.l.HeadDim)
		d.t = openTables(d.l, buffer{k, "tables", words}, 0)
		checkWhole(d.pages)
		parallel(int(jobs), int(p.Tokens)*d.l.Group()*d.l.HeadDim, func(from, to int) {
			for job := from; job < to; job++ {
				d.decode(uint64(job))
			}
		})
	})
}

type recordDecoder struct {
	l                 shaders.Layout
	p                 shaders.DecodeCalibratedPush
	out               uint32 // output type
	pairing           pairing
	t                 tables
	pages, plan, rows buffer
}

func (d *recordDecoder) decode(n uint64) {
	job := jobAt(d.plan, 0, shaders.RecordDecodeJobWords, n, shaders.ParseRecordDecodeJob)
	page := openRecordsAt(d.t.record.Records, d.pages, job.Page, int(d.p.Tokens))
	rotation := floats(d.plan.span(uint64(job.Rotation), 2*uint64(d.pairing.rotary)))
	mean, x, sum, row := make([]float32, d.l.HeadDim), make([]float32, d.l.HeadDim), make([]float32, d.l.HeadDim), make([]uint32, d.l.HeadDim)
	words := d.l.HeadDim * shaders.ElementBytes(d.out) / 4
	for h := range d.l.Rows {
		d.pairing.turn(d.t.mean(d.l, h), rotation, mean)
		inverse := d.t.inverseOf(d.l, h, d.pairing, rotation[d.pairing.rotary:])
		for t, level := range page.Levels {
			at := uint64(job.Rows) + uint64(t)*uint64(d.p.TokenStride) + uint64(h*words)
			to := elements{d.out, d.rows.span(at, uint64(words))}
			if level == shaders.Raw {
				convertRow(elements{d.l.Type, page.Record(t)[h*d.l.RawRowWords():][:d.l.RawRowWords()]}, to, row)
				continue
			}
			d.t.record.values.loadCoded(page.Records, page.Record(t), level, h, x)
			inverse.bringBack(x, sum)
			for i := range row {
				row[i] = Narrow(d.out, math.Float32bits(flush(sum[i]+mean[i])))
			}
			packRow(row, to)
		}
	}
}
