package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Encode writes each group of rows to its slot, and its bits, 0..8, 16 or
// shaders.Unquantizable, to word n of slots. Word n of want is the group's bits, or its
// weight where the rule decides.
func Encode(s shaders.Spec, p shaders.EncodePush, rows, plan, slots, want []uint32) error {
	l, err := layoutOf("encode", s)
	if err != nil {
		return err
	}
	e := encoder{
		l, p, grid{p.Groups, p.GroupsPerJob, p.GroupsPerToken},
		buffer{"encode", "rows", rows}, buffer{"encode", "plan", plan}, buffer{"encode", "slots", slots},
		buffer{"encode", "want", want},
	}
	if err := e.check(); err != nil {
		return err
	}
	return parallel(int(p.Groups), 4*l.Group(), func(from, to int) error {
		g := newGroup(l)
		for n := from; n < to; n++ {
			if err := e.encode(n, g); err != nil {
				return err
			}
		}
		return nil
	})
}

type encoder struct {
	l                       shaders.Layout
	p                       shaders.EncodePush
	grid                    grid
	rows, plan, slots, want buffer
}

func (e *encoder) check() error {
	switch p := e.p; {
	case p.Rule > 1:
		return argument("encode", "rule %d: must be 0 or 1", p.Rule)
	case p.Groups > 0 && p.SlotBase < p.Groups:
		return argument("encode", "slots from word %d: bits of %d groups come first", p.SlotBase, p.Groups)
	case p.Rule == 1:
		if err := checkRule("encode", p.MinBits, p.MaxBits); err != nil {
			return err
		}
	}
	if err := checkSlots("encode", e.l, e.p.SlotBase, e.p.SlotWords); err != nil {
		return err
	}
	if err := checkWhole(e.rows, e.slots); err != nil {
		return err
	}
	return e.grid.check("encode")
}

// encode writes the slot and the bits of group n.
func (e *encoder) encode(n int, g *group) error {
	job, token, i := e.grid.place(n)
	words, err := e.plan.span(shaders.RuleJobWords*job, shaders.RuleJobWords)
	if err != nil {
		return err
	}
	plan := shaders.ParseRuleJob(words)
	if err := checkAligned("encode", plan.At, e.p.TokenStride); err != nil {
		return err
	}
	raw := uint64(e.l.RawGroupWords())
	rows, err := e.rows.span(uint64(plan.At)+token*uint64(e.p.TokenStride)+i*raw, raw)
	if err != nil {
		return err
	}
	slot, err := e.slots.span(uint64(e.p.SlotBase)+uint64(n)*uint64(e.p.SlotWords), uint64(e.l.SlotWords()))
	if err != nil {
		return err
	}
	g.read(rows)
	b, err := e.bits(n, uint64(plan.Limits)+i, g)
	if err != nil {
		return err
	}
	e.slots.words[n] = b
	putSlot(g, rows, uint8(min(b, shaders.Raw)), slot)
	return nil
}

// bits returns the bits of group n whose limit is at a place in plan.
func (e *encoder) bits(n int, limitAt uint64, g *group) (uint32, error) {
	want, err := e.want.word(uint64(n))
	if err != nil {
		return 0, err
	}
	if e.p.Rule == 0 && want > 8 && want != shaders.Raw {
		return 0, argument("encode", "bits %d of group %d: must be 0..8 or %d", want, n, shaders.Raw)
	}
	limit := uint32(0)
	if e.p.Rule == 1 {
		if limit, err = e.plan.word(limitAt); err != nil {
			return 0, err
		}
	}
	switch {
	case !g.quantizes:
		return shaders.Unquantizable, nil
	case e.p.Rule == 0:
		return want, nil
	}
	w, c := math.Float32frombits(want), math.Float32frombits(limit)
	return Bits(newQuantizer(g.min, g.max).r, w, c, e.p.Delta, e.p.MinBits, e.p.MaxBits), nil
}

// putSlot writes range, outliers and rows of a group.
func putSlot(g *group, rows []uint32, b uint8, slot []uint32) {
	l := g.layout
	putRange(l, g.min, g.max, slot)
	in := elements{l.Type, rows}
	for k, index := range g.outliers {
		element := uint32(0)
		if g.quantizes {
			element = Narrow(l.Type, math.Float32bits(g.values[index]))
		}
		putSlotOutlier(l, slot, k, uint32(index), element)
	}
	if b == shaders.Raw {
		copy(slot[l.SlotRowsAt():], in.words)
		return
	}
	out := slot[l.SlotRowsAt() : l.SlotRowsAt()+l.GroupWords(b)]
	newQuantizer(g.min, g.max).putRows(l, g.values, int(b), 0, g.codes, out)
}

func putSlotOutlier(l shaders.Layout, slot []uint32, k int, index, element uint32) {
	at := l.RangeWords() + k*l.SlotOutlierWords()
	if l.Type == shaders.TypeF32 {
		slot[at], slot[at+1] = index, element
		return
	}
	slot[at] = index | element<<16
}

// slotOutlier reads outlier k of a slot.
func slotOutlier(l shaders.Layout, slot []uint32, k int) (index, element uint32) {
	at := l.RangeWords() + k*l.SlotOutlierWords()
	if l.Type == shaders.TypeF32 {
		return slot[at], slot[at+1]
	}
	return slot[at] & 0xffff, slot[at] >> 16
}
