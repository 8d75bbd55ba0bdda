package conformance

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// newLevels gives each token the level that "to" asks for: "lower" and "any" are
// random, a number is that level. Tokens that cannot be quantized stay raw; unless
// mayRise, raw tokens stay raw too and none gets more than it has.
func (c Case) newLevels(from pages, mayRise bool) ([][]uint8, error) {
	to, rng := c.Params.To, c.rng(4)
	if to != "lower" && to != "any" && !knownLevels(to) {
		return nil, fmt.Errorf("to %q: must be 0..9, 16, lower or any", to)
	}
	out := make([][]uint8, len(from.bits))
	for j, old := range from.bits {
		for n, was := range old {
			level := levels[rng.IntN(len(levels))]
			if to != "lower" && to != "any" {
				level = levelOf(to, n)
			}
			if was == shaders.Unquantizable || !mayRise && (was == shaders.Raw || level > was) {
				level = was
			}
			out[j] = append(out[j], level)
		}
	}
	return out, nil
}

// buildRepackCalibrated rewrites pages that the reference made with lower levels.
func buildRepackCalibrated(c Case) (*program, error) {
	t := c.tablesOf(shaders.Key)
	from, err := c.recordsByReference(c.rowsOf(), t)
	if err != nil {
		return nil, err
	}
	to, err := c.newLevels(from, false)
	if err != nil {
		return nil, err
	}
	p := &program{}
	c.addRepackCalibrated(p, p.input("pages", from.of), from, recordsFor(t, to), t)
	return p, nil
}

// addRepackCalibrated adds the rewriting of pages to a program and returns the buffer.
func (c Case) addRepackCalibrated(p *program, buffer int, from, to pages, t *shaders.Tables) int {
	jobs := make([]shaders.RecordRewriteJob, len(to.at))
	for j := range jobs {
		jobs[j] = shaders.RecordRewriteJob{From: uint32(from.at[j]), To: uint32(to.at[j])}
	}
	planned := p.input("repack.plan", shaders.RewriteRecordsPlan(jobs, to.bits, slices.Repeat([]*shaders.Tables{t}, len(jobs))))
	out := p.result("repacked", to.total)
	p.run(shaders.RepackCalibrated, c.Params.spec(shaders.RepackCalibrated, 0),
		shaders.RepackCalibratedPush{Jobs: uint32(len(jobs)), Tokens: uint32(c.Params.Groups)}.Bytes(),
		c.Params.workgroups(len(jobs)*c.Params.Groups, 1), buffer, planned, out)
	return out
}
