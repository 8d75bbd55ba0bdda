package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Decode writes rows RowFirst..RowFirst+RowCount-1 of each group of the pages
// as rows of OUT_TYPE.
func Decode(s shaders.DecodeSpec, p shaders.DecodePush, pages, plan, rows []uint32) error {
	l, err := layoutOf("decode", shaders.EncodeSpec(s))
	if err != nil {
		return err
	}
	d := decoder{
		l, p, s.OutType, grid{p.Groups, p.GroupsPerJob, p.GroupsPerToken},
		buffer{"decode", "pages", pages}, buffer{"decode", "plan", plan}, buffer{"decode", "rows", rows}, nil,
	}
	if err := d.check(); err != nil {
		return err
	}
	if d.views, err = openJobs(l, d.grid, d.pages, d.plan); err != nil {
		return err
	}
	return parallel(int(p.Groups), int(p.RowCount)*l.HeadDim, func(from, to int) error {
		codes := make([]uint8, l.HeadDim)
		for n := from; n < to; n++ {
			if err := d.decode(n, codes); err != nil {
				return err
			}
		}
		return nil
	})
}

type decoder struct {
	l                 shaders.Layout
	p                 shaders.DecodePush
	out               uint32 // output type
	grid              grid
	pages, plan, rows buffer
	views             []*Page // of each job
}

func (d *decoder) check() error {
	if err := checkOut("decode", d.out); err != nil {
		return err
	}
	if first, n := uint64(d.p.RowFirst), uint64(d.p.RowCount); first+n > uint64(d.l.Rows) {
		return argument("decode", "%d rows from row %d: a group has %d", n, first, d.l.Rows)
	}
	return d.grid.check("decode")
}

// decode writes the rows of group n.
func (d *decoder) decode(n int, codes []uint8) error {
	job, token, i := d.grid.place(n)
	offset, err := d.plan.word(2*job + 1)
	if err != nil {
		return err
	}
	words, count := uint64(d.l.HeadDim*shaders.ElementBytes(d.out)/4), uint64(d.p.RowCount)
	at := uint64(offset) + token*uint64(d.p.TokenStride) + i*count*words
	out, err := d.rows.span(at, count*words)
	if err != nil {
		return err
	}
	g := n % int(d.p.GroupsPerJob)
	for r := range int(count) {
		row := elements{d.out, out[r*int(words) : (r+1)*int(words)]}
		decodeRow(d.views[job], g, int(d.p.RowFirst)+r, row, codes)
	}
	return d.putOutliers(d.views[job], g, out)
}

// decodeRow writes row r of group g without its outliers.
func decodeRow(p *Page, g, r int, out elements, codes []uint8) {
	b := p.Bits[g]
	if b == shaders.Raw {
		convertRow(elements{p.Layout.Type, p.Row(g, r)}, out, p.Layout.HeadDim)
		return
	}
	min, max, _ := p.Range(g)
	q := newQuantizer(min, max)
	if b == 0 {
		clear(codes)
	} else {
		readRow(p.Row(g, r), int(b), codes)
	}
	var levels [256]uint32
	known := 1<<b <= len(codes)
	for k := 0; known && k < 1<<b; k++ {
		levels[k] = q.element(uint8(k), int(b), out.typ)
	}
	for i, k := range codes {
		if known {
			out.set(i, levels[k])
		} else {
			out.set(i, q.element(k, int(b), out.typ))
		}
	}
}

// element returns the value of a code as an element of a type.
func (q quantizer) element(code uint8, b int, typ uint32) uint32 {
	return Narrow(typ, math.Float32bits(q.value(code, b)))
}

// putOutliers puts the outliers of a quantized group into its decoded rows.
func (d *decoder) putOutliers(p *Page, g int, out []uint32) error {
	if p.Bits[g] == shaders.Raw {
		return nil
	}
	first, n := int(d.p.RowFirst)*d.l.HeadDim, int(d.p.RowCount)*d.l.HeadDim
	to := elements{d.out, out}
	for k := range d.l.Outliers() {
		index, element := p.Outlier(g, k)
		if index >= d.l.Group() {
			return argument("decode", "outlier %d of group %d: index %d: must be below %d", k, g, index, d.l.Group())
		}
		if i := index - first; i >= 0 && i < n {
			to.set(i, Narrow(d.out, math.Float32bits(Load(d.l.Type, element))))
		}
	}
	return nil
}
