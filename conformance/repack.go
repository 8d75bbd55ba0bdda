package conformance

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/qaqvk/qaqvk/shaders"
)

// newBits gives each group the width that "to" asks for: "lower" and "any" are
// random, "evict" is too and evicts some, a number is that width. Groups that cannot be quantized stay raw,
// and no group gets more than it has unless mayRise.
func newBits(rng *rand.Rand, to string, from pages, mayRise bool) ([][]uint8, error) {
	fixed, err := strconv.ParseUint(to, 10, 8)
	if err != nil && to != "lower" && to != "any" && to != "evict" {
		return nil, fmt.Errorf("to %q: must be 0..8, 14, 16, lower, any or evict", to)
	}
	out := make([][]uint8, len(from.bits))
	for j, bits := range from.bits {
		for _, old := range bits {
			b := uint8(fixed)
			if err != nil {
				from := widths
				if to == "evict" {
					from = evicting
				}
				b = from[rng.IntN(len(from))]
			}
			if !mayRise && shaders.Fewer(old, b) {
				b = old
			}
			if old == shaders.Unquantizable && b != shaders.Evicted {
				b = old
			}
			out[j] = append(out[j], b)
		}
	}
	return out, nil
}

// buildRepack rewrites pages that the reference made with lower bits.
func buildRepack(c Case) (*program, error) {
	from, err := c.pagesByReference(c.rowsOf())
	if err != nil {
		return nil, err
	}
	bits, err := newBits(c.rng(4), c.Params.To, from, false)
	if err != nil {
		return nil, err
	}
	p := &program{}
	c.addRepack(p, p.input("pages", from.of), from, c.Params.pagesFor(bits))
	return p, nil
}

// addRepack adds the rewriting of pages to a program and returns the buffer.
func (c Case) addRepack(p *program, buffer int, from, to pages) int {
	jobs := make([]shaders.RepackJob, len(to.at))
	for j := range jobs {
		jobs[j] = shaders.RepackJob{From: uint32(from.at[j]), To: uint32(to.at[j])}
	}
	planned, out := p.input("repack.plan", c.Params.layout().RepackPlan(jobs, to.bits)), p.result("repacked", to.total)
	p.run(shaders.Repack, c.Params.spec(shaders.Repack, 0),
		shaders.RepackPush{Groups: uint32(c.Params.Groups)}.Bytes(), len(to.at), buffer, planned, out)
	return out
}
