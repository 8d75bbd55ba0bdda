package conformance

import (
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// buildPromoteCalibrated rewrites pages that the reference made with any levels.
func buildPromoteCalibrated(c Case) (*program, error) {
	rows, t := c.rowsOf(), c.tablesOf(shaders.Key)
	from, err := c.recordsByReference(rows, t)
	if err != nil {
		return nil, err
	}
	to, err := c.newLevels(from, true)
	if err != nil {
		return nil, err
	}
	p := &program{}
	c.addPromoteCalibrated(p, rows, p.input("pages", from.of), from, recordsFor(t, to), t)
	return p, nil
}

// addPromoteCalibrated adds the rewriting of pages with what the host supplies from
// the rows, and returns the buffer. Pages are of the same rows again where there are
// more than the case has.
func (c Case) addPromoteCalibrated(p *program, rows source, buffer int, from, to pages, t *shaders.Tables) int {
	jobs, supply := make([]shaders.RecordRewriteJob, len(to.at)), []uint32(nil)
	for j := range jobs {
		jobs[j] = shaders.RecordRewriteJob{From: uint32(from.at[j]), To: uint32(to.at[j]), Supply: uint32(len(supply))}
		supply = append(supply, c.recordSupply(rows, j%c.Params.Pages, from.bits[j], to.bits[j], t)...)
		for len(supply)%shaders.Align != 0 {
			supply = append(supply, unwritten)
		}
	}
	planned := p.input("promote.plan", shaders.RewriteRecordsPlan(jobs, to.bits, slices.Repeat([]*shaders.Tables{t}, len(jobs))))
	supplied, out := p.input("supply", supply), p.result("promoted", to.total)
	p.run(shaders.PromoteCalibrated, c.Params.spec(shaders.PromoteCalibrated, 0),
		shaders.PromoteCalibratedPush{Jobs: uint32(len(jobs)), Tokens: uint32(c.Params.Groups)}.Bytes(),
		c.Params.workgroups(len(jobs)*c.Params.Groups, 1), buffer, planned, supplied, out)
	return out
}

// recordSupply is what the tokens of page j lack.
func (c Case) recordSupply(rows source, j int, from, to []uint8, t *shaders.Tables) (supply []uint32) {
	for n := range to {
		group := rows.group(c.Params, j, n)
		switch {
		case t.SupplyWords(from[n], to[n]) == 0:
		case to[n] == shaders.Raw:
			supply = append(supply, group...)
		default:
			supply = append(supply, c.codesOf(t, j, group)...)
		}
	}
	return supply
}
