package cpuref

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Promote rewrites a page of each of the jobs with any bits a group. What the
// old page lacks comes from supply, in the order of its groups.
func Promote(s shaders.Spec, p shaders.PromotePush, jobs uint32, src, plan, supply, dst []uint32) error {
	const k = kernel("promote")
	return try(func() {
		r := rewriter{kernel: k, l: k.layout(s), groups: int(p.Groups), src: buffer{k, "src", src},
			plan: buffer{k, "plan", plan}, dst: buffer{k, "dst", dst}}
		lacking := buffer{k, "supply", supply}
		checkWhole(lacking)
		r.run(int(jobs), func(n uint64, room *group) {
			job := jobAt(r.plan, 0, shaders.PromoteJobWords, n, shaders.ParsePromoteJob)
			old, page := r.open(shaders.RepackJob{From: job.From, To: job.To, Bits: job.Bits, Words: job.Words})
			lacking.checkPlace(job.Supply)
			at := uint64(job.Supply)
			for g, from := range old.Bits {
				if !shaders.Fewer(from, page.Bits[g]) {
					r.shorten(old, page, g, room)
					continue
				}
				words := uint64(r.l.SupplyWords(from, page.Bits[g]))
				r.extend(old, page, g, lacking.span(at, words))
				at += words
			}
		})
	})
}

// extend writes the codes of group g from an old page that has fewer bits and
// from what it lacks.
func (r *rewriter) extend(old, page *Page, g int, lacking []uint32) {
	from, to := int(shaders.PlainBits(old.Bits[g])), int(page.Bits[g])
	if to == shaders.Raw {
		copy(page.Codes(g), lacking)
		return
	}
	each := len(lacking) / r.l.Rows
	for i := range r.l.Rows {
		joinRow(old.Row(g, i), from*r.l.HeadDim, lacking[i*each:], (to-from)*r.l.HeadDim, page.Row(g, i))
	}
}

// Supply computes on the host what a stored group lacks for promotion: from its
// range words, as its page or slot has them, and its rows as they were appended,
// it writes to out the words that promote reads when the group goes from `from`
// to `to` bits. It returns how many: l.SupplyWords(from, to), 0 when it lacks
// none. A group that cannot be quantized has no planes to supply.
func Supply(l shaders.Layout, rangeWords, rows []uint32, from, to uint8, out []uint32) (int, error) {
	n := l.SupplyWords(from, to)
	switch {
	case l.Check() != nil:
		return 0, fmt.Errorf("cpuref: supply: %w", l.Check())
	case !shaders.ValidBits(from) || !shaders.ValidBits(to):
		return 0, fmt.Errorf("cpuref: supply: from %d to %d bits: must be 0..8, %d or %d", from, to, shaders.Evicted, shaders.Raw)
	case len(rangeWords) != l.RangeWords():
		return 0, fmt.Errorf("cpuref: supply: range of %d words: must be %d", len(rangeWords), l.RangeWords())
	case len(rows) != l.RawGroupWords():
		return 0, fmt.Errorf("cpuref: supply: rows of %d words: must be %d", len(rows), l.RawGroupWords())
	case len(out) < n:
		return 0, fmt.Errorf("cpuref: supply: room for %d words: must be %d", len(out), n)
	case n == 0:
		return 0, nil
	case to == shaders.Raw:
		return copy(out, rows), nil
	}
	low, high, quantizes := readRange(l, rangeWords)
	if !quantizes {
		return 0, fmt.Errorf("cpuref: supply: range from %v to %v: group cannot be quantized", low, math.Inf(-1))
	}
	g := &group{layout: l, values: make([]float32, l.Group()), codes: make([]uint8, l.Group()), raw: make([]uint32, l.Group())}
	g.load(rows)
	rangeOf(low, high).writeRows(l, g.values, int(to), int(shaders.PlainBits(from)), g.codes, out[:n])
	return n, nil
}
