package conformance

import (
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// buildPromote rewrites pages that the reference made with any bits.
func buildPromote(c Case) (*program, error) {
	rows := c.rowsOf()
	from, err := c.pagesByReference(rows)
	if err != nil {
		return nil, err
	}
	bits, err := newBits(c.rng(4), c.Params.To, from, true)
	if err != nil {
		return nil, err
	}
	p := &program{}
	_, err = c.addPromote(p, rows, p.input("pages", from.of), from, c.Params.pagesFor(bits))
	return p, err
}

// addPromote adds the rewriting of pages, whose words from.of are known, with
// what the host supplies from the rows, and returns the buffer.
func (c Case) addPromote(p *program, rows source, buffer int, from, to pages) (int, error) {
	jobs, supply := make([]shaders.PromoteJob, len(to.at)), []uint32(nil)
	for j := range jobs {
		jobs[j] = shaders.PromoteJob{From: uint32(from.at[j]), To: uint32(to.at[j]), Supply: uint32(len(supply))}
		lacks, err := c.supplyOf(rows, j, from, to)
		if err != nil {
			return 0, err
		}
		supply = append(supply, lacks...)
		for len(supply)%shaders.Align != 0 {
			supply = append(supply, unwritten)
		}
	}
	planned, supplied := p.input("promote.plan", c.Params.layout().PromotePlan(jobs, to.bits)), p.input("supply", supply)
	out := p.result("promoted", to.total)
	p.run(shaders.Promote, c.Params.spec(shaders.Promote, 0),
		shaders.PromotePush{Groups: uint32(c.Params.Groups)}.Bytes(), len(to.at), buffer, planned, supplied, out)
	return out, nil
}

// supplyOf is what the groups of page j lack.
func (c Case) supplyOf(rows source, j int, from, to pages) ([]uint32, error) {
	l := c.Params.layout()
	page, err := cpuref.OpenPage(l, from.of[from.at[j]:])
	if err != nil {
		return nil, err
	}
	var supply []uint32
	for g, b := range to.bits[j] {
		words := make([]uint32, l.SupplyWords(from.bits[j][g], b))
		if len(words) == 0 {
			continue
		}
		if _, err := cpuref.Supply(l, page.RangeWords(g), rows.group(c.Params, j, g), from.bits[j][g], b, words); err != nil {
			return nil, err
		}
		supply = append(supply, words...)
	}
	return supply, nil
}
