package backend

// tally counts pages: of a segment, a sequence or a cache.
type tally struct {
	words  int64                 // of the pages
	pages  int64                 // of both kinds
	groups [2][rawBits + 1]int64 // by kind and bits
	failed int64                 // groups that could not be quantized
}

func (t *tally) add(o tally) {
	t.words += o.words
	t.pages += o.pages
	t.failed += o.failed
	for k := range t.groups {
		for b, n := range o.groups[k] {
			t.groups[k][b] += n
		}
	}
}

// bits are the bits of the groups of a kind.
func (t *tally) bits(k Kind) Bits {
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
			if b == rawBits {
				each = int64(l.Group()) * element
			}
			bits += n * each
		}
	}
	return bits / 8
}

// held are segments, those of several holders counted once, as the one of
// them sees it who has most chunks: the others have the first of them.
type held map[*sharedBuffer]tally

func (h held) add(s *store) {
	for _, list := range s.units {
		for _, seg := range list {
			if known, ok := h[seg.buffer]; !ok || known.pages < seg.tally.pages {
				h[seg.buffer] = seg.tally
			}
		}
	}
}

// sum gives the totals and the words of the buffers.
func (h held) sum() (all tally, words int64) {
	for buffer, t := range h {
		all.add(t)
		words += int64(buffer.Len())
	}
	return all, words
}
