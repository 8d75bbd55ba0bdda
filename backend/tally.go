package backend

import "github.com/qaqvk/qaqvk/shaders"

// tally counts pages: of a sequence or a cache.
type tally struct {
	words  int64                         // of the pages
	pages  int64                         // of both kinds
	groups [2][shaders.RawBits + 1]int64 // by kind and bits
	failed int64                         // groups that could not be quantized
}

// tallyOf counts one page.
func tallyOf(k shaders.Kind, bits []uint8, words int) tally {
	t := tally{words: int64(words), pages: 1}
	for _, b := range bits {
		if b == shaders.Unquantizable {
			t.failed++
		}
		t.groups[k][min(b, shaders.RawBits)]++
	}
	return t
}

// add adds another tally so many times; a negative number takes it away.
func (t *tally) add(o tally, times int64) {
	if times == 0 {
		return
	}
	t.words += times * o.words
	t.pages += times * o.pages
	t.failed += times * o.failed
	for k := range t.groups {
		for b, n := range o.groups[k] {
			t.groups[k][b] += times * n
		}
	}
}

// bits are the bits of the groups of a kind.
func (t *tally) bits(k shaders.Kind) Bits {
	b := Bits{Histogram: t.groups[k]}
	var groups, sum int64
	for bits, n := range b.Histogram {
		groups += n
		sum += n * int64(bits)
	}
	if groups > 0 {
		b.Mean = float64(sum) / float64(groups)
	}
	return b
}

// paperBytes counts b bits for an element and the element's own size for an
// outlier.
func (t *tally) paperBytes(g *geometry) int64 {
	var bits int64
	l := g.layout
	element := int64(8 * l.ElementBytes())
	for k := range t.groups {
		for b, n := range t.groups[k] {
			each := int64(l.Group()-l.Outliers())*int64(b) + int64(l.Outliers())*element
			if b == shaders.RawBits {
				each = int64(l.Group()) * element
			}
			bits += n * each
		}
	}
	return bits / 8
}
