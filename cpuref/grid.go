package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// grid says where the groups of a dispatch lie: job by job, in each token by
// token.
type grid struct{ groups, perJob, perToken uint32 }

// grid returns the checked grid of a kernel.
func (k kernel) grid(groups, perJob, perToken uint32) grid {
	if groups > 0 && (perJob == 0 || perToken == 0 || perJob%perToken != 0) {
		k.fail("%d groups a job, %d a token: must be whole tokens", perJob, perToken)
	}
	return grid{groups, perJob, perToken}
}

func (g grid) jobs() int {
	if g.groups == 0 {
		return 0
	}
	return int((g.groups-1)/g.perJob) + 1
}

// place returns the job of group n, its token there and its place in the token.
func (g grid) place(n int) (job, token, i uint64) {
	in := uint64(n) % uint64(g.perJob)
	return uint64(n) / uint64(g.perJob), in / uint64(g.perToken), in % uint64(g.perToken)
}

// jobAt reads job n of a plan, which has so many words a job from word at on.
func jobAt[J any](plan buffer, at, words, n uint64, parse func([]uint32) J) J {
	return parse(plan.span(at+n*words, words))
}

// openJobs returns the views of the pages of all jobs.
func openJobs(l shaders.Layout, g grid, pages buffer, pageOf func(job uint64) uint32) []*Page {
	checkWhole(pages)
	views := make([]*Page, g.jobs())
	for job := range views {
		views[job] = openAt(l, pages, pageOf(uint64(job)), int(g.perJob))
	}
	return views
}

// openAt returns the view of a page of n groups in a kernel's buffer.
func openAt(l shaders.Layout, pages buffer, at uint32, n int) *Page {
	pages.checkPlace(at)
	pages.span(uint64(at), uint64(l.PageHeaderWords(n)))
	p, err := OpenPage(l, pages.words[at:])
	if err != nil {
		pages.fail("page at %s[%d]: %w", pages.name, at, err)
	}
	if p.Len() != n {
		pages.fail("page at %s[%d]: %d groups: must be %d", pages.name, at, p.Len(), n)
	}
	return p
}
