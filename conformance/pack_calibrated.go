package conformance

import (
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// recordsFor lays out a page of records for each slice of levels, the last page first.
func recordsFor(t *shaders.Tables, levels [][]uint8) pages {
	out := pages{at: make([]int, len(levels)), total: oddMultiple(0), bits: levels}
	for j := len(levels) - 1; j >= 0; j-- {
		out.at[j] = out.total
		out.total = oddMultiple(out.total + t.PageWords(levels[j]))
	}
	return out
}

// buildPackCalibrated packs the slots that the reference encoded.
func buildPackCalibrated(c Case) (*program, error) {
	rows, t := c.rowsOf(), c.tablesOf(shaders.Key)
	s, err := c.codesByReference(rows, t)
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.buffer = p.input("slots", s.of)
	c.addPackCalibrated(p, s, p.input("rows", rows.words), rows, t, c.recordsOf(s, t))
	return p, nil
}

// recordsOf lays out the pages of encoded slots.
func (c Case) recordsOf(s codes, t *shaders.Tables) pages {
	return recordsFor(t, c.levelsOf(s, func(n int) uint8 { return levelOf(c.Params.Bits, n) }))
}

// addPackCalibrated adds the packing of slots to a program and returns the buffer.
// Pages are from the same slots again where there are more than the case has.
func (c Case) addPackCalibrated(p *program, s codes, in int, rows source, t *shaders.Tables, to pages) int {
	jobs := make([]shaders.RecordPackJob, len(to.at))
	for j := range jobs {
		from := j % c.Params.Pages
		jobs[j] = shaders.RecordPackJob{Slot: uint32(from * c.Params.Groups), Rows: uint32(rows.first[from]), Page: uint32(to.at[j])}
	}
	push := shaders.PackCalibratedPush{Jobs: uint32(len(jobs)), Tokens: uint32(c.Params.Groups), TokenStride: uint32(rows.stride), SlotBase: uint32(s.base)}
	planned := p.input("pack.plan", shaders.PackRecordsPlan(jobs, to.bits, slices.Repeat([]*shaders.Tables{t}, len(jobs))))
	out := p.result("pages", to.total)
	p.run(shaders.PackCalibrated, c.Params.spec(shaders.PackCalibrated, 0), push.Bytes(),
		c.Params.workgroups(len(jobs)*c.Params.Groups, 1), s.buffer, in, planned, out)
	return out
}

// recordsByReference encodes and packs rows with cpuref.
func (c Case) recordsByReference(rows source, t *shaders.Tables) (pages, error) {
	s, err := c.codesByReference(rows, t)
	if err != nil {
		return pages{}, err
	}
	out, p := c.recordsOf(s, t), &program{}
	s.buffer = p.input("slots", s.of)
	buffer := c.addPackCalibrated(p, s, p.input("rows", rows.words), rows, t, out)
	words, err := p.reference()
	if err == nil {
		out.of = words[buffer]
	}
	return out, err
}
