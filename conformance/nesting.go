package conformance

import (
	"fmt"
	"slices"
)

// buildNesting checks the laws of the codec on the device: the groups are
// encoded at every width; then, for every b,
//   - demoting the 8-bit and the raw page to b gives the page encoded at b;
//   - promoting that page to 8 bits and to raw gives the first encodings.
func buildNesting(c Case) (*program, error) {
	c.Params.Pages = 1
	rows := c.rowsOf()
	rows.first = slices.Repeat(rows.first, len(widths))
	c.Params.Pages, c.Params.Bits = len(widths), "pages"

	p := &program{}
	s, err := c.addEncode(p, rows)
	if err != nil {
		return nil, err
	}
	words, err := p.reference()
	if err != nil {
		return nil, err
	}
	s.of = words[s.buffer]
	all := c.pagesOf(s)
	first := c.addPack(p, s, all)

	lower, buffer := pages{}, 0
	for _, k := range []int{8, 9} {
		lower = c.Params.pagesFor(all.bits[:k+1])
		buffer = c.addRepack(p, first, all.repeat(k, k+1), lower)
		c.sameAs(p, fmt.Sprintf("demoted from %d bits", widths[k]), buffer, lower, first, all)
	}
	return p, c.addPromotions(p, rows, buffer, lower, first, all)
}

// addPromotions promotes the demoted pages to 8 bits and to raw.
func (c Case) addPromotions(p *program, rows source, buffer int, lower pages, first int, all pages) error {
	words, err := p.reference()
	if err != nil {
		return err
	}
	lower.of = words[buffer]
	for _, k := range []int{8, 9} {
		from := lower
		from.at, from.bits = lower.at[:k], lower.bits[:k]
		want := all.repeat(k, k)
		to := c.Params.pagesFor(want.bits)
		promoted, err := c.addPromote(p, rows, buffer, from, to)
		if err != nil {
			return err
		}
		c.sameAs(p, fmt.Sprintf("promoted to %d bits", widths[k]), promoted, to, first, want)
	}
	return nil
}

// repeat is page k, n times.
func (p pages) repeat(k, n int) pages {
	return pages{
		at: slices.Repeat(p.at[k:k+1], n), bits: slices.Repeat(p.bits[k:k+1], n), total: p.total, of: p.of,
	}
}

// sameAs adds the law that each page of got equals the page of want.
func (c Case) sameAs(p *program, what string, gotBuffer int, got pages, wantBuffer int, want pages) {
	l := c.Params.layout()
	for j := range got.at {
		p.equal = append(p.equal, equality{
			what: fmt.Sprintf("%s, page %d", what, j), got: gotBuffer, want: wantBuffer,
			gotOffset: got.at[j], wantOffset: want.at[j], of: l.PageWords(got.bits[j]),
		})
	}
}
