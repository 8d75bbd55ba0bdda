package conformance

import "github.com/qaqvk/qaqvk/shaders"

// oddMultiple is the next multiple of four that is none of eight: pages and
// slots lie so, so that nothing relies on more than the contract.
func oddMultiple(words int) int { return (words+3)/8*8 + 4 }

// pages are the pages of a case and what is known of them.
type pages struct {
	at    []int     // word of each page
	total int       // words of all pages and the gaps
	bits  [][]uint8 // of each page's groups, as encode reports them
	of    []uint32  // the words, by the reference
}

// pagesFor lays out a page for each slice of bits, the last page first.
func (p Params) pagesFor(bits [][]uint8) pages {
	out := pages{at: make([]int, len(bits)), total: oddMultiple(0), bits: bits}
	for j := len(bits) - 1; j >= 0; j-- {
		out.at[j] = out.total
		out.total = oddMultiple(out.total + p.layout().PageWords(bits[j]))
	}
	return out
}

// byPage cuts what all groups have into what each page's groups have.
func byPage[T any](all []T, pages int) [][]T {
	out := make([][]T, pages)
	for j := range out {
		out[j] = all[j*len(all)/pages : (j+1)*len(all)/pages]
	}
	return out
}

// buildPack packs the slots that the reference encoded.
func buildPack(c Case) (*program, error) {
	s, err := c.slotsByReference(c.rowsOf())
	if err != nil {
		return nil, err
	}
	p := &program{}
	s.buffer = p.input("slots", s.of)
	c.addPack(p, s, c.pagesOf(s))
	return p, nil
}

// pagesOf lays out the pages of encoded slots.
func (c Case) pagesOf(s slots) pages {
	return c.Params.pagesFor(byPage(shaders.BitsOf(s.of[:c.Params.total()]), c.Params.Pages))
}

// addPack adds the packing of slots to a program and returns the buffer.
func (c Case) addPack(p *program, s slots, to pages) int {
	params := c.Params
	jobs := make([]shaders.PackJob, params.Pages)
	for j := range jobs {
		jobs[j] = shaders.PackJob{Slot: uint32(j * params.Groups), Page: uint32(to.at[j])}
	}
	push := shaders.PackPush{Groups: uint32(params.Groups), SlotBase: uint32(s.base), SlotWords: uint32(s.words)}
	planned := p.input("pack.plan", params.layout().PackPlan(jobs, to.bits))
	out := p.result("pages", to.total)
	p.run(shaders.Pack, params.spec(shaders.Pack, 0), push.Bytes(), params.Pages, s.buffer, planned, out)
	return out
}

// pagesByReference encodes and packs rows with cpuref.
func (c Case) pagesByReference(rows source) (pages, error) {
	s, err := c.slotsByReference(rows)
	if err != nil {
		return pages{}, err
	}
	out := c.pagesOf(s)
	p := &program{}
	s.buffer = p.input("slots", s.of)
	buffer := c.addPack(p, s, out)
	words, err := p.reference()
	if err == nil {
		out.of = words[buffer]
	}
	return out, err
}
