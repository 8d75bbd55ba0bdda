package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Decode writes rows RowFirst..RowFirst+RowCount-1 of each group of the pages
// as rows of OUT_TYPE.
func Decode(s shaders.Spec, p shaders.DecodePush, pages, plan, rows []uint32) error {
	const k = kernel("decode")
	return try(func() {
		d := decoder{
			l: k.layout(s), p: p, out: s.OutType, grid: k.grid(p.Groups, p.GroupsPerJob, p.GroupsPerToken),
			plan: buffer{k, "plan", plan}, rows: buffer{k, "rows", rows},
		}
		d.check(k)
		d.pages = openJobs(d.l, d.grid, buffer{k, "pages", pages}, func(job uint64) uint32 { return d.job(job).Page })
		parallel(int(p.Groups), int(p.RowCount)*d.l.HeadDim, func(from, to int) {
			codes, row := make([]uint8, d.l.HeadDim), make([]uint32, d.l.HeadDim)
			for n := from; n < to; n++ {
				d.decode(n, codes, row)
			}
		})
	})
}

type decoder struct {
	l          shaders.Layout
	p          shaders.DecodePush
	out        uint32 // output type
	grid       grid
	plan, rows buffer
	pages      []*Page // of each job
}

func (d *decoder) check(k kernel) {
	k.checkOut(d.out)
	if first, n := uint64(d.p.RowFirst), uint64(d.p.RowCount); first+n > uint64(d.l.Rows) {
		k.fail("%d rows from row %d: a group has %d", n, first, d.l.Rows)
	}
	checkWhole(d.rows)
}

func (d *decoder) job(n uint64) shaders.DecodeJob {
	return jobAt(d.plan, 0, shaders.DecodeJobWords, n, shaders.ParseDecodeJob)
}

// decode writes the rows of group n; codes and row are room for a row.
func (d *decoder) decode(n int, codes []uint8, row []uint32) {
	job, token, i := d.grid.place(n)
	at := d.job(job).Rows
	d.rows.checkAligned(at, d.p.TokenStride)
	words := d.l.HeadDim * shaders.ElementBytes(d.out) / 4
	all := uint64(d.p.RowCount) * uint64(words)
	out := d.rows.span(uint64(at)+token*uint64(d.p.TokenStride)+i*all, all)
	page, g := d.pages[job], n%int(d.p.GroupsPerJob)
	for r := range int(d.p.RowCount) {
		in, to := page.Row(g, int(d.p.RowFirst)+r), elements{d.out, out[r*words:]}
		switch page.Bits[g] {
		case shaders.Raw:
			convertRow(elements{d.l.Type, in}, to, row)
			continue
		case shaders.Evicted:
			clear(out[r*words:][:words])
			continue
		}
		low, high, _ := page.Range(g)
		decodeRow(rangeOf(low, high), in, int(page.Bits[g]), codes, row, func(x float32) uint32 { return Narrow(d.out, math.Float32bits(x)) })
		packRow(row, to)
	}
	if page.Bits[g] <= 8 {
		d.overlay(page, g, out)
	}
}

// overlay puts the outliers of a quantized group over their codes.
func (d *decoder) overlay(p *Page, g int, out []uint32) {
	first, n := int(d.p.RowFirst)*d.l.HeadDim, int(d.p.RowCount)*d.l.HeadDim
	to := elements{d.out, out}
	for j := range d.l.Outliers() {
		index, element := p.Outlier(g, j)
		if index >= d.l.Group() {
			d.rows.fail("outlier %d of group %d: index %d: must be below %d", j, g, index, d.l.Group())
		}
		if i := index - first; i >= 0 && i < n {
			to.set(i, Narrow(d.out, math.Float32bits(Load(d.l.Type, element))))
		}
	}
}
