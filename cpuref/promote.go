package cpuref

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Promote rewrites a page of each of the jobs with any bits a group. What the
// old page lacks comes from supply, in the order of its groups.
func Promote(s shaders.Spec, p shaders.PromotePush, jobs uint32, src, plan, supply, dst []uint32) error {
	l, err := layoutOf("promote", s)
	if err != nil {
		return err
	}
	k := rewriter{
		kernel: "promote", l: l, groups: int(p.Groups), supplied: true,
		src: buffer{"promote", "src", src}, plan: buffer{"promote", "plan", plan},
		supply: buffer{"promote", "supply", supply}, dst: buffer{"promote", "dst", dst},
	}
	return k.run(int(jobs))
}

// promote writes the codes of group i from an old page that has fewer bits and
// from supply; it returns where the supply of the next group begins.
func (k *rewriter) promote(old, page *Page, i int, at uint64) (uint64, error) {
	from, to := old.Bits[i], page.Bits[i]
	if !k.supplied {
		return 0, argument(k.kernel, "group %d has %d bits: cannot get %d", i, from, to)
	}
	n := k.l.SupplyWords(from, to)
	lacks, err := k.supply.span(at, uint64(n))
	if err != nil {
		return 0, err
	}
	if to == shaders.Raw {
		copy(page.Codes(i), lacks)
		return at + uint64(n), nil
	}
	each := n / k.l.Rows
	for r := range k.l.Rows {
		joinRow(old.Row(i, r), int(from)*k.l.HeadDim,
			lacks[r*each:], int(to-from)*k.l.HeadDim, page.Row(i, r))
	}
	return at + uint64(n), nil
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
		return 0, fmt.Errorf("cpuref: supply: from %d to %d bits: must be 0..8 or %d", from, to, shaders.Raw)
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
	min, max, quantizes := readRange(l, rangeWords)
	if !quantizes {
		return 0, fmt.Errorf("cpuref: supply: range from %v to %v: group cannot be quantized", min, math.Inf(-1))
	}
	g := &group{layout: l, values: make([]float32, l.Group()), codes: make([]uint8, l.Group()), raw: make([]uint32, l.Group())}
	g.load(rows)
	newQuantizer(min, max).putRows(l, g.values, int(to), int(from), g.codes, out[:n])
	return n, nil
}
