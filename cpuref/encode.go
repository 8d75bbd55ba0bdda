package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Encode writes each group of rows to its slot, and its bits, 0..8, 16,
// shaders.Evicted or Unquantizable, to word n of slots. Word n of want is the group's bits,
// or its weight where the rule decides.
func Encode(s shaders.Spec, p shaders.EncodePush, rows, plan, slots, want []uint32) error {
	const k = kernel("encode")
	return try(func() {
		e := encoder{
			l: k.layout(s), p: p, grid: k.grid(p.Groups, p.GroupsPerJob, p.GroupsPerToken),
			rows: buffer{k, "rows", rows}, plan: buffer{k, "plan", plan}, slots: buffer{k, "slots", slots},
			want: buffer{k, "want", want},
		}
		e.check(k)
		parallel(int(p.Groups), 4*e.l.Group(), func(from, to int) {
			g := newGroup(e.l)
			for n := from; n < to; n++ {
				e.encode(n, g)
			}
		})
	})
}

type encoder struct {
	l                       shaders.Layout
	p                       shaders.EncodePush
	grid                    grid
	rows, plan, slots, want buffer
}

func (e *encoder) check(k kernel) {
	switch p := e.p; {
	case p.Rule > 1:
		k.fail("rule %d: must be 0 or 1", p.Rule)
	case p.Groups > 0 && p.SlotBase < p.Groups:
		k.fail("slots from word %d: bits of %d groups come first", p.SlotBase, p.Groups)
	case p.Rule == 1:
		k.checkRule(p.MinBits, p.MaxBits)
	}
	k.checkSlots(e.l, e.p.SlotBase, e.p.SlotWords)
	checkWhole(e.rows, e.slots)
	for n := 0; e.p.Rule == 0 && n < int(e.p.Groups); n++ {
		if b := e.want.word(uint64(n)); b > 0xff || !shaders.ValidBits(uint8(b)) {
			k.fail("bits %d of group %d: must be 0..8, %d or %d", b, n, shaders.Evicted, shaders.Raw)
		}
	}
}

// encode writes the slot and the bits of group n.
func (e *encoder) encode(n int, g *group) {
	job, token, i := e.grid.place(n)
	plan := jobAt(e.plan, 0, shaders.RuleJobWords, job, shaders.ParseRuleJob)
	e.rows.checkAligned(plan.At, e.p.TokenStride)
	raw := uint64(e.l.RawGroupWords())
	rows := e.rows.span(uint64(plan.At)+token*uint64(e.p.TokenStride)+i*raw, raw)
	slot := e.slots.span(uint64(e.p.SlotBase)+uint64(n)*uint64(e.p.SlotWords), uint64(e.l.SlotWords()))
	g.read(rows)
	b := e.bits(n, uint64(plan.Limits)+i, g)
	e.slots.words[n] = b
	writeRange(e.l, g.min, g.max, slot)
	g.writeOutliers(slot)
	switch b &^= shaders.Unmet; {
	case b == shaders.Evicted:
	case b >= shaders.Raw:
		copy(slot[e.l.SlotRowsAt():], rows)
	default:
		g.writeCodes(int(b), slot[e.l.SlotRowsAt():])
	}
}

// bits returns the bits of group n whose limit is at a place in plan.
func (e *encoder) bits(n int, limitAt uint64, g *group) uint32 {
	b := e.want.word(uint64(n))
	if e.p.Rule == 1 {
		w, c := math.Float32frombits(b), math.Float32frombits(e.plan.word(limitAt))
		b = RuleBits(rangeOf(g.min, g.max).extent, w, c, e.p.Delta, e.p.MinBits, e.p.MaxBits)
	}
	if !g.quantizes && b != shaders.Evicted {
		return shaders.Unquantizable
	}
	return b
}

// writeOutliers writes the outliers of a group to its slot, zeros if it cannot be
// quantized.
func (g *group) writeOutliers(slot []uint32) {
	for j, index := range g.outliers {
		element := uint32(0)
		if g.quantizes {
			element = Narrow(g.layout.Type, math.Float32bits(g.values[index]))
		}
		writeOutlier(g.layout, slot, j, uint32(index), element)
	}
}

// writeCodes writes the rows of a group at b bits.
func (g *group) writeCodes(b int, out []uint32) {
	n := g.layout.GroupWords(uint8(b))
	rangeOf(g.min, g.max).writeRows(g.layout, g.values, b, 0, g.codes, out[:n])
}

func writeOutlier(l shaders.Layout, slot []uint32, j int, index, element uint32) {
	at := l.RangeWords() + j*l.SlotOutlierWords()
	if l.Type == shaders.TypeF32 {
		slot[at], slot[at+1] = index, element
		return
	}
	slot[at] = index | element<<16
}
