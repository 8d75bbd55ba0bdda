package conformance

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// buildNestingCalibrated checks the laws of the codec on the device: a page is
// encoded at every level and raw; then, for every pair of a level and a lower one,
//   - demoting the page of the level gives the one encoded at the lower level;
//   - promoting that with what the host supplies gives the first encoding,
//
// and the same for every level and raw, by what the host supplies.
func buildNestingCalibrated(c Case) (*program, error) {
	c.Params.Pages = 1
	rows, t := c.rowsOf(), c.tablesOf(shaders.Key)
	s, err := c.codesByReference(rows, t)
	if err != nil {
		return nil, err
	}
	var each [][]uint8
	for _, level := range levels {
		each = append(each, c.levelsOf(s, func(int) uint8 { return level })[0])
	}
	p, all := &program{}, recordsFor(t, each)
	s.buffer = c.addEncodeCalibrated(p, rows, t).buffer
	first := c.addPackCalibrated(p, s, p.input("raw.rows", rows.words), rows, t, all)

	var high, low []int
	for i := range shaders.Levels {
		for j := range i {
			high, low = append(high, i), append(low, j)
		}
	}
	demoted := recordsFor(t, all.pick(low).bits)
	buffer := c.addRepackCalibrated(p, first, all.pick(high), demoted, t)
	sameRecords(p, "demoted", buffer, demoted, first, all.pick(low), t)
	promoted := recordsFor(t, all.pick(high).bits)
	raised := c.addPromoteCalibrated(p, rows, buffer, demoted, promoted, t)
	sameRecords(p, "promoted", raised, promoted, first, all.pick(high), t)

	raw := slices.Repeat([]int{shaders.Levels}, shaders.Levels)
	coded := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, pair := range [][2][]int{{raw, coded}, {coded, raw}} {
		to := recordsFor(t, all.pick(pair[1]).bits)
		changed := c.addPromoteCalibrated(p, rows, first, all.pick(pair[0]), to, t)
		sameRecords(p, "from and to raw", changed, to, first, all.pick(pair[1]), t)
	}
	return p, nil
}

// pick is the pages of the given numbers.
func (p pages) pick(numbers []int) pages {
	out := pages{total: p.total, of: p.of}
	for _, i := range numbers {
		out.at, out.bits = append(out.at, p.at[i]), append(out.bits, p.bits[i])
	}
	return out
}

// sameRecords adds the law that each page of got equals the page of want.
func sameRecords(p *program, what string, gotBuffer int, got pages, wantBuffer int, want pages, t *shaders.Tables) {
	for j := range got.at {
		p.equal = append(p.equal, equality{
			what: fmt.Sprintf("%s, page %d", what, j), got: gotBuffer, want: wantBuffer,
			gotOffset: got.at[j], wantOffset: want.at[j], of: t.PageWords(got.bits[j]),
		})
	}
}
