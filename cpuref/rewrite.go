package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// rewriter is what repack and promote have in common.
type rewriter struct {
	kernel
	l              shaders.Layout
	groups         int // of a page
	src, plan, dst buffer
}

// run calls rewrite for each job.
func (r *rewriter) run(jobs int, rewrite func(job uint64, room *group)) {
	checkWhole(r.src, r.dst)
	parallel(jobs, r.groups*r.l.Group(), func(from, to int) {
		room := newGroup(r.l)
		for job := from; job < to; job++ {
			rewrite(uint64(job), room)
		}
	})
}

// open returns the old page of a job and the new one, which has everything but
// its codes.
func (r *rewriter) open(job shaders.RepackJob) (old, page *Page) {
	old = openAt(r.l, r.src, job.From, r.groups)
	page = newPage(r.l, r.plan, job.Bits, r.groups, r.dst, job.To, job.Words)
	page.Words[3] = old.Words[3]
	ranges, codes := r.l.RangesAt(r.groups), r.l.PageHeaderWords(r.groups)
	copy(page.Words[ranges:codes], old.Words[ranges:codes])
	return old, page
}

// shorten writes the codes of group g from an old page that has at least as many
// bits.
func (r *rewriter) shorten(old, page *Page, g int, room *group) {
	from, to := old.Bits[g], page.Bits[g]
	switch {
	case shaders.Fewer(from, to):
		r.fail("group %d has %d bits: cannot get %d", g, from, to)
	case to == shaders.Evicted:
	case from == to:
		copy(page.Codes(g), old.Codes(g))
	case from == shaders.Raw:
		low, high, quantizes := old.Range(g)
		if !quantizes {
			r.fail("group %d cannot be quantized: it must stay raw", g)
		}
		room.load(old.Codes(g))
		rangeOf(low, high).writeRows(r.l, room.values, int(to), 0, room.codes, page.Codes(g))
	default:
		for i := range r.l.Rows {
			cutRow(old.Row(g, i), int(to)*r.l.HeadDim, page.Row(g, i))
		}
	}
}

// newPage lays out a page of n groups in pages from the bits words in plan and
// writes its header and bits; the rest of what comes before its codes is zero.
func newPage(l shaders.Layout, plan buffer, bitsAt uint32, n int, pages buffer, at, size uint32) *Page {
	pages.checkPlace(at)
	nibbles := plan.span(uint64(bitsAt), uint64(shaders.BitsWords(n)))
	bits := make([]uint8, n)
	if g := shaders.UnpackBits(nibbles, bits); g >= 0 {
		plan.fail("bits of group %d: must be 0..8, 14 or 15", g)
	}
	codes := codesAt(l, bits)
	if codes[n] != int(size) {
		plan.fail("page of %d words: its groups need %d", size, codes[n])
	}
	words := pages.span(uint64(at), uint64(size))
	clear(words[:codes[0]])
	words[0], words[1], words[2] = shaders.PageMagic, size, uint32(n)
	copy(words[shaders.HeaderWords:], nibbles)
	return &Page{l, words, bits, codes}
}
