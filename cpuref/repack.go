package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// Repack rewrites a page of each of the jobs with as many bits a group or
// fewer: codes lose planes, a raw group is quantized from its rows.
func Repack(s shaders.Spec, p shaders.RepackPush, jobs uint32, src, plan, dst []uint32) error {
	l, err := layoutOf("repack", s)
	if err != nil {
		return err
	}
	k := rewriter{
		kernel: "repack", l: l, groups: int(p.Groups),
		src: buffer{"repack", "src", src}, plan: buffer{"repack", "plan", plan}, dst: buffer{"repack", "dst", dst},
	}
	return k.run(int(jobs))
}

// rewriter is what repack and promote have in common.
type rewriter struct {
	kernel    string
	l         shaders.Layout
	groups    int  // of a page
	supplied  bool // promote: groups may get what is in supply
	src, plan buffer
	supply    buffer
	dst       buffer
}

func (k *rewriter) run(jobs int) error {
	if err := checkWhole(k.src, k.supply, k.dst); err != nil {
		return err
	}
	return parallel(jobs, k.groups*k.l.Group(), func(from, to int) error {
		g := newGroup(k.l)
		for job := from; job < to; job++ {
			if err := k.rewrite(uint64(job), g); err != nil {
				return err
			}
		}
		return nil
	})
}

// job reads a job of either kernel.
func (k *rewriter) job(n uint64) (job shaders.PromoteJob, err error) {
	if k.supplied {
		words, err := k.plan.span(shaders.PromoteJobWords*n, shaders.PromoteJobWords)
		if err == nil {
			job = shaders.ParsePromoteJob(words)
		}
		return job, err
	}
	words, err := k.plan.span(shaders.RepackJobWords*n, shaders.RepackJobWords)
	if err == nil {
		r := shaders.ParseRepackJob(words)
		job = shaders.PromoteJob{From: r.From, To: r.To, Bits: r.Bits, Words: r.Words}
	}
	return job, err
}

// rewrite writes the new page of a job.
func (k *rewriter) rewrite(job uint64, g *group) error {
	plan, err := k.job(job)
	if err != nil {
		return err
	}
	old, err := openAt(k.l, k.src, plan.From, k.groups)
	if err != nil {
		return err
	}
	page, err := newPage(k.l, k.plan, uint64(plan.Bits), k.groups, k.dst, plan.To, plan.Words)
	if err != nil {
		return err
	}
	page.Words[3] = old.Words[3]
	ranges, codes := k.l.RangesAt(k.groups), k.l.PageHeaderWords(k.groups)
	copy(page.Words[ranges:codes], old.Words[ranges:codes])
	if err := k.supply.checkPlace(plan.Supply); err != nil {
		return err
	}
	supplyAt := uint64(plan.Supply)
	for i := range k.groups {
		if old.Bits[i] < page.Bits[i] {
			supplyAt, err = k.promote(old, page, i, supplyAt)
		} else {
			err = k.demote(old, page, i, g)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// demote writes the codes of group i from an old page that has at least as many
// bits.
func (k *rewriter) demote(old, page *Page, i int, g *group) error {
	from, to := old.Bits[i], page.Bits[i]
	switch {
	case from == to:
		copy(page.Codes(i), old.Codes(i))
	case from == shaders.Raw:
		min, max, quantizes := old.Range(i)
		if !quantizes {
			return argument(k.kernel, "group %d cannot be quantized: it must stay raw", i)
		}
		g.load(old.Codes(i))
		newQuantizer(min, max).putRows(k.l, g.values, int(to), 0, g.codes, page.Codes(i))
	default:
		for r := range k.l.Rows {
			cutRow(old.Row(i, r), int(to)*k.l.HeadDim, page.Row(i, r))
		}
	}
	return nil
}

// openAt returns the view of a page of n groups in a kernel's buffer.
func openAt(l shaders.Layout, pages buffer, at uint32, n int) (*Page, error) {
	if err := pages.checkPlace(at); err != nil {
		return nil, err
	}
	if _, err := pages.span(uint64(at), uint64(l.PageHeaderWords(n))); err != nil {
		return nil, err
	}
	p, err := OpenPage(l, pages.words[at:])
	if err != nil {
		return nil, argument(pages.kernel, "page at %s[%d]: %w", pages.name, at, err)
	}
	if p.Len() != n {
		return nil, argument(pages.kernel, "page at %s[%d]: %d groups: must be %d", pages.name, at, p.Len(), n)
	}
	return p, nil
}
