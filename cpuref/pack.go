package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// Pack assembles a page of each of the jobs from its slots.
func Pack(s shaders.Spec, p shaders.PackPush, jobs uint32, slots, plan, pages []uint32) error {
	const k = kernel("pack")
	return try(func() {
		c := packer{k.layout(s), p, buffer{k, "slots", slots}, buffer{k, "plan", plan}, buffer{k, "pages", pages}}
		k.checkSlots(c.l, p.SlotBase, p.SlotWords)
		checkWhole(c.slots, c.pages)
		parallel(int(jobs), int(p.Groups)*c.l.Group(), func(from, to int) {
			for job := from; job < to; job++ {
				c.pack(uint64(job))
			}
		})
	})
}

type packer struct {
	l                  shaders.Layout
	p                  shaders.PackPush
	slots, plan, pages buffer
}

func (c *packer) pack(n uint64) {
	job := jobAt(c.plan, 0, shaders.PackJobWords, n, shaders.ParsePackJob)
	page := newPage(c.l, c.plan, job.Bits, int(c.p.Groups), c.pages, job.Page, job.Words)
	page.Words[3] = job.Failed
	for g := range page.Len() {
		at := uint64(c.p.SlotBase) + (uint64(job.Slot)+uint64(g))*uint64(c.p.SlotWords)
		page.packSlot(g, c.slots.span(at, uint64(c.l.SlotWords())))
	}
}

// packSlot writes range, outliers and codes of group g of a page whose outlier
// indices are zero.
func (p *Page) packSlot(g int, slot []uint32) {
	l, n := p.Layout, p.Len()
	copy(p.RangeWords(g), slot)
	values := elements{l.Type, p.Words[l.OutlierValuesAt(n):]}
	indices := p.Words[l.OutlierIndicesAt(n):]
	for j := range l.Outliers() {
		index, element := slotOutlier(l, slot, j)
		i := g*l.Outliers() + j
		values.set(i, element)
		bit := i * l.IndexBits()
		indices[bit/32] |= index & (1<<l.IndexBits() - 1) << (bit % 32)
	}
	copy(p.Codes(g), slot[l.SlotRowsAt():])
}

// slotOutlier reads outlier j of a slot.
func slotOutlier(l shaders.Layout, slot []uint32, j int) (index, element uint32) {
	at := l.RangeWords() + j*l.SlotOutlierWords()
	if l.Type == shaders.TypeF32 {
		return slot[at], slot[at+1]
	}
	return slot[at] & 0xffff, slot[at] >> 16
}
