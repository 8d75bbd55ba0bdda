package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ChooseBits writes to bits[n] what the rule gives stored group n: 0..8, 16 or
// shaders.Evicted; a group that cannot be quantized has one of the last two. Word n of want is its weight.
func ChooseBits(s shaders.Spec, p shaders.ChooseBitsPush, pages, plan, bits, want []uint32) error {
	const k = kernel("choose_bits")
	return try(func() {
		c := chooser{
			p: p, grid: k.grid(p.Groups, p.GroupsPerJob, p.GroupsPerToken),
			plan: buffer{k, "plan", plan}, want: buffer{k, "want", want},
		}
		k.checkRule(p.MinBits, p.MaxBits)
		c.pages = openJobs(k.layout(s), c.grid, buffer{k, "pages", pages}, func(job uint64) uint32 { return c.job(job).At })
		out := buffer{k, "bits", bits}.span(0, uint64(p.Groups))
		parallel(int(p.Groups), 8, func(from, to int) {
			for n := from; n < to; n++ {
				out[n] = c.choose(n)
			}
		})
	})
}

type chooser struct {
	p          shaders.ChooseBitsPush
	grid       grid
	plan, want buffer
	pages      []*Page // of each job
}

func (c *chooser) job(n uint64) shaders.RuleJob {
	return jobAt(c.plan, 0, shaders.RuleJobWords, n, shaders.ParseRuleJob)
}

// choose returns the bits of group n.
func (c *chooser) choose(n int) uint32 {
	job, _, i := c.grid.place(n)
	w := math.Float32frombits(c.want.word(uint64(n)))
	limit := math.Float32frombits(c.plan.word(uint64(c.job(job).Limits) + i))
	low, high, quantizes := c.pages[job].Range(n % int(c.p.GroupsPerJob))
	switch {
	case !quantizes && w <= evictWeight:
		return shaders.Evicted
	case !quantizes:
		return shaders.Raw
	}
	return RuleBits(rangeOf(low, high).extent, w, limit, c.p.Delta, c.p.MinBits, c.p.MaxBits)
}
