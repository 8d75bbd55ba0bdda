package cpuref

import (
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// ErrPage is what every error about the contents of a page wraps.
var ErrPage = errors.New("invalid page")

// Page is a view of a page of N groups. It holds no copy of the words.
type Page struct {
	Layout shaders.Layout
	Words  []uint32 // exactly the page
	Bits   []uint8  // of each group: 0..8, shaders.Evicted or shaders.Raw

	codes []int // word where the codes of each group begin, and their end
}

// OpenPage returns the view of the page at the beginning of words, which may go
// on behind it. It checks what memory safety needs: magic, sizes and bits.
// ReadPage checks the rest. Errors wrap ErrPage.
func OpenPage(l shaders.Layout, words []uint32) (*Page, error) {
	if len(words) < shaders.HeaderWords {
		return nil, fmt.Errorf("%w: %d words: a header has %d", ErrPage, len(words), shaders.HeaderWords)
	}
	if words[0] != shaders.PageMagic {
		return nil, fmt.Errorf("%w: magic %#08x: must be %#08x", ErrPage, words[0], uint32(shaders.PageMagic))
	}
	size, n := uint64(words[1]), int(words[2])
	if size > uint64(len(words)) {
		return nil, fmt.Errorf("%w: size %d words: there are %d", ErrPage, size, len(words))
	}
	if fixed := l.PageHeaderWords(n); uint64(fixed) > size {
		return nil, fmt.Errorf("%w: size %d words: %d groups need %d", ErrPage, size, n, fixed)
	}
	p := &Page{Layout: l, Words: words[:size:size], Bits: make([]uint8, n)}
	if g := shaders.UnpackBits(words[shaders.HeaderWords:], p.Bits); g >= 0 {
		return nil, fmt.Errorf("%w: bits of group %d: must be 0..8, 14 or 15", ErrPage, g)
	}
	p.codes = codesAt(l, p.Bits)
	if end := p.codes[n]; uint64(end) != size {
		return nil, fmt.Errorf("%w: size %d words: its groups need %d", ErrPage, size, end)
	}
	return p, nil
}

// codesAt returns the word of a page where the codes of each group begin, and
// behind them the size of the page.
func codesAt(l shaders.Layout, bits []uint8) []int {
	at := make([]int, len(bits)+1)
	at[0] = l.PageHeaderWords(len(bits))
	for g, b := range bits {
		at[g+1] = at[g] + l.GroupWords(b)
	}
	return at
}

// Len returns N, the groups of the page.
func (p *Page) Len() int { return len(p.Bits) }

// RangeWords returns the words of min and max of group g.
func (p *Page) RangeWords(g int) []uint32 {
	n := p.Layout.RangeWords()
	at := p.Layout.RangesAt(p.Len()) + g*n
	return p.Words[at : at+n : at+n]
}

// Range returns min and max of group g; quantizes is false for a group that
// cannot be quantized.
func (p *Page) Range(g int) (min, max float32, quantizes bool) {
	return readRange(p.Layout, p.RangeWords(g))
}

// Outlier returns outlier k, 0..K-1, of group g: its index in the group, which
// OpenPage does not check, and the element.
func (p *Page) Outlier(g, k int) (index int, element uint32) {
	i := g*p.Layout.Outliers() + k
	values := elements{p.Layout.Type, p.Words[p.Layout.OutlierValuesAt(p.Len()):]}
	return p.indexAt(i), values.at(i)
}

// indexAt returns outlier index i of the page.
func (p *Page) indexAt(i int) int {
	width := p.Layout.IndexBits()
	w := p.Words[p.Layout.OutlierIndicesAt(p.Len())+i*width/32]
	return int(w >> (i * width % 32) & (1<<width - 1))
}

// Codes returns the rows of group g: row strings, or raw rows.
func (p *Page) Codes(g int) []uint32 {
	return p.Words[p.codes[g]:p.codes[g+1]:p.codes[g+1]]
}

// Row returns row r of group g.
func (p *Page) Row(g, r int) []uint32 {
	n := p.Layout.RowWords(p.Bits[g])
	at := p.codes[g] + r*n
	return p.Words[at : at+n : at+n]
}
