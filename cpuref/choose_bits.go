package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ChooseBits writes to bits[n] what the rule gives stored group n: 0..8 or 16,
// which a group that cannot be quantized always has. Word n of want is its weight.
func ChooseBits(s shaders.Spec, p shaders.ChooseBitsPush, pages, plan, bits, want []uint32) error {
	l, err := layoutOf("choose_bits", s)
	if err != nil {
		return err
	}
	g := grid{p.Groups, p.GroupsPerJob, p.GroupsPerToken}
	if err := g.check("choose_bits"); err != nil {
		return err
	}
	if err := checkRule("choose_bits", p.MinBits, p.MaxBits); err != nil {
		return err
	}
	d := decider{p, g, buffer{"choose_bits", "plan", plan}, buffer{"choose_bits", "want", want}, nil}
	if d.views, err = openJobs(l, g, buffer{"choose_bits", "pages", pages}, d.plan, shaders.RuleJobWords); err != nil {
		return err
	}
	out, err := buffer{"choose_bits", "bits", bits}.span(0, uint64(p.Groups))
	if err != nil {
		return err
	}
	return parallel(int(p.Groups), 8, func(from, to int) error {
		for n := from; n < to; n++ {
			b, err := d.decide(n)
			if err != nil {
				return err
			}
			out[n] = b
		}
		return nil
	})
}

type decider struct {
	p     shaders.ChooseBitsPush
	grid  grid
	plan  buffer
	want  buffer
	views []*Page // of each job
}

// decide returns the bits of group n.
func (d *decider) decide(n int) (uint32, error) {
	job, _, i := d.grid.place(n)
	words, err := d.plan.span(shaders.RuleJobWords*job, shaders.RuleJobWords)
	if err != nil {
		return 0, err
	}
	want, err := d.want.word(uint64(n))
	if err != nil {
		return 0, err
	}
	limit, err := d.plan.word(uint64(shaders.ParseRuleJob(words).Limits) + i)
	if err != nil {
		return 0, err
	}
	min, max, quantizes := d.views[job].Range(n % int(d.p.GroupsPerJob))
	if !quantizes {
		return shaders.Raw, nil
	}
	w, c := math.Float32frombits(want), math.Float32frombits(limit)
	return Bits(newQuantizer(min, max).r, w, c, d.p.Delta, d.p.MinBits, d.p.MaxBits), nil
}
