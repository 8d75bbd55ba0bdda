package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Decode writes rows RowFirst..RowFirst+RowCount-1 of each group of the pages
// as rows of OUT_TYPE.
func Decode(s shaders.Spec, p shaders.DecodePush, pages, plan, rows []uint32) error {
	l, err := layoutOf("decode", s)
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
	if d.views, err = openJobs(l, d.grid, d.pages, d.plan, shaders.DecodeJobWords); err != nil {
		return err
	}
	return parallel(int(p.Groups), int(p.RowCount)*l.HeadDim, func(from, to int) error {
		room := newDecodeRoom(l)
		for n := from; n < to; n++ {
			if err := d.decode(n, room); err != nil {
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
	if err := checkWhole(d.rows); err != nil {
		return err
	}
	return d.grid.check("decode")
}

// decodeRoom is what decoding a group needs and others may reuse.
type decodeRoom struct {
	codes    []uint8  // of a row
	elements []uint32 // of a row
	levels   [256]uint32
}

func newDecodeRoom(l shaders.Layout) *decodeRoom {
	return &decodeRoom{codes: make([]uint8, l.HeadDim), elements: make([]uint32, l.HeadDim)}
}

// decode writes the rows of group n.
func (d *decoder) decode(n int, room *decodeRoom) error {
	job, token, i := d.grid.place(n)
	plan, err := d.plan.span(shaders.DecodeJobWords*job, shaders.DecodeJobWords)
	if err != nil {
		return err
	}
	offset := shaders.ParseDecodeJob(plan).Rows
	if err := checkAligned("decode", offset, d.p.TokenStride); err != nil {
		return err
	}
	words := d.l.HeadDim * shaders.ElementBytes(d.out) / 4
	all := uint64(d.p.RowCount) * uint64(words)
	out, err := d.rows.span(uint64(offset)+token*uint64(d.p.TokenStride)+i*all, all)
	if err != nil {
		return err
	}
	page, g := d.views[job], n%int(d.p.GroupsPerJob)
	if page.Bits[g] == shaders.Raw {
		for r := range int(d.p.RowCount) {
			from := elements{d.l.Type, page.Row(g, int(d.p.RowFirst)+r)}
			convertRow(from, elements{d.out, out[r*words:]}, room.elements)
		}
		return nil
	}
	d.decodeCodes(page, g, out, room)
	return d.putOutliers(page, g, out)
}

// decodeCodes writes the rows of a quantized group without its outliers. It
// computes the values of all codes first where there are no more than elements.
func (d *decoder) decodeCodes(p *Page, g int, out []uint32, room *decodeRoom) {
	min, max, _ := p.Range(g)
	q, b := newQuantizer(min, max), int(p.Bits[g])
	words := d.l.HeadDim * shaders.ElementBytes(d.out) / 4
	known := 1<<b <= len(out)/words*d.l.HeadDim
	for k := 0; known && k < 1<<b; k++ {
		room.levels[k] = q.element(uint8(k), b, d.out)
	}
	for r := range len(out) / words {
		readRow(p.Row(g, int(d.p.RowFirst)+r), b, room.codes)
		for i, k := range room.codes {
			if known {
				room.elements[i] = room.levels[k]
			} else {
				room.elements[i] = q.element(k, b, d.out)
			}
		}
		packRow(room.elements, elements{d.out, out[r*words:]})
	}
}

// element returns the value of a code as an element of a type.
func (q quantizer) element(code uint8, b int, typ uint32) uint32 {
	return Narrow(typ, math.Float32bits(q.value(code, b)))
}

// putOutliers puts the outliers of a quantized group into its decoded rows.
func (d *decoder) putOutliers(p *Page, g int, out []uint32) error {
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
