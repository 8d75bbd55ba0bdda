package pages

import (
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Counts count pages.
type Counts struct {
	Words         int64                     // of the pages
	KindWords     [2]int64                  // of those of a kind
	Pages         int64                     // of both kinds
	Groups        [2][shaders.Raw + 1]int64 // by kind and bits
	Unmet         [2]int64                  // by kind: groups whose bound even the most bits do not keep
	Freed         int64                     // tokens of pages that are gone, summed over layer groups
	Unquantizable int64                     // groups that could not be quantized
}

// Count counts the pages of the table.
func (t *Table) Count() *Counts {
	c := &Counts{}
	t.count(c, map[*Pair]bool{})
	return c
}

// count counts the pages of the table that are not known yet.
func (t *Table) count(c *Counts, known map[*Pair]bool) {
	for lg, list := range t.pairs {
		c.Freed += int64(t.freed[lg] * t.geo.PageTokens)
		for page, p := range list {
			if p == nil || known[p] {
				continue
			}
			if p.holders > 1 {
				known[p] = true
			}
			for k, place := range p.Pages {
				c.add(shaders.Kind(k), t.PageBits(ID{shaders.Kind(k), lg, page}), place.Words)
				c.Unmet[k] += int64(t.unmet[k][lg][page])
			}
		}
	}
}

func (c *Counts) add(k shaders.Kind, bits []uint8, words int) {
	c.Words += int64(words)
	c.KindWords[k] += int64(words)
	c.Pages++
	for _, b := range bits {
		if b == shaders.Unquantizable {
			c.Unquantizable++
		}
		c.Groups[k][min(b, shaders.Raw)]++
	}
}

// PaperBytes are the paper's accounting: b bits for an element, and the
// element's own size for an outlier.
func (c *Counts) PaperBytes(g *core.Geometry) int64 {
	var bits int64
	l := g.Layout
	element := int64(8 * l.ElementBytes())
	for k := range c.Groups {
		for b, n := range c.Groups[k] {
			each := int64(l.Group()-l.Outliers())*int64(b) + int64(l.Outliers())*element
			switch b {
			case shaders.Raw:
				each = int64(l.Group()) * element
			case shaders.Evicted:
				each = 0
			}
			bits += n * each
		}
	}
	return bits / 8
}
