package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// Pack assembles a page of each of the jobs from its slots.
func Pack(s shaders.Spec, p shaders.PackPush, jobs uint32, slots, plan, pages []uint32) error {
	l, err := layoutOf("pack", s)
	if err != nil {
		return err
	}
	if err := checkSlots("pack", l, p.SlotBase, p.SlotWords); err != nil {
		return err
	}
	k := packer{
		l, p, buffer{"pack", "slots", slots}, buffer{"pack", "plan", plan}, buffer{"pack", "pages", pages},
	}
	if err := checkWhole(k.slots, k.pages); err != nil {
		return err
	}
	return parallel(int(jobs), int(p.Groups)*l.Group(), func(from, to int) error {
		for job := from; job < to; job++ {
			if err := k.pack(uint64(job)); err != nil {
				return err
			}
		}
		return nil
	})
}

type packer struct {
	l                  shaders.Layout
	p                  shaders.PackPush
	slots, plan, pages buffer
}

func (k *packer) pack(job uint64) error {
	words, err := k.plan.span(shaders.PackJobWords*job, shaders.PackJobWords)
	if err != nil {
		return err
	}
	plan := shaders.ParsePackJob(words)
	page, err := newPage(k.l, k.plan, uint64(plan.Bits), int(k.p.Groups), k.pages, plan.Page, plan.Words)
	if err != nil {
		return err
	}
	page.Words[3] = plan.Failed
	for g := range page.Len() {
		at := uint64(k.p.SlotBase) + (uint64(plan.Slot)+uint64(g))*uint64(k.p.SlotWords)
		slot, err := k.slots.span(at, uint64(k.l.SlotWords()))
		if err != nil {
			return err
		}
		page.putSlot(g, slot)
	}
	return nil
}

// putSlot writes range, outliers and codes of group g of a page whose outlier
// indices are zero.
func (p *Page) putSlot(g int, slot []uint32) {
	l, n := p.Layout, p.Len()
	copy(p.RangeWords(g), slot)
	values := elements{l.Type, p.Words[l.OutlierValuesAt(n):]}
	indices := p.Words[l.OutlierIndicesAt(n):]
	for k := range l.Outliers() {
		index, element := slotOutlier(l, slot, k)
		i := g*l.Outliers() + k
		values.set(i, element)
		bit := i * l.IndexBits()
		indices[bit/32] |= index & (1<<l.IndexBits() - 1) << (bit % 32)
	}
	copy(p.Codes(g), slot[l.SlotRowsAt():])
}

// newPage lays out a page of n groups in pages from the bits words in plan and
// writes its header and bits; the rest of what comes before its codes is zero.
func newPage(l shaders.Layout, plan buffer, bitsAt uint64, n int, pages buffer, at, size uint32) (*Page, error) {
	if err := pages.checkPlace(at); err != nil {
		return nil, err
	}
	nibbles, err := plan.span(bitsAt, uint64(shaders.BitsWords(n)))
	if err != nil {
		return nil, err
	}
	bits := make([]uint8, n)
	if g := shaders.UnpackBits(nibbles, bits); g >= 0 {
		return nil, argument(plan.kernel, "bits of group %d: must be 0..8 or 15", g)
	}
	codes := codesAt(l, bits)
	if codes[n] != int(size) {
		return nil, argument(plan.kernel, "page of %d words: its groups need %d", size, codes[n])
	}
	words, err := pages.span(uint64(at), uint64(size))
	if err != nil {
		return nil, err
	}
	clear(words[:codes[0]])
	words[0], words[1], words[2] = shaders.PageMagic, size, uint32(n)
	copy(words[shaders.HeaderWords:], nibbles)
	return &Page{l, words, bits, codes}, nil
}
