package conformance

import (
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// ringAt is how many words of a token in the ring lie before the layer's rows.
const ringAt = 8

// sequence is the K and V rows of a case as a cache stores them: pages, in
// parts, and the ring with the tokens behind them.
type sequence struct {
	params     Params
	at         [2][]int // words of the pages of K and V
	pages      []uint32 // of K, then of V
	ring       [2][]uint32
	ringStride int
	in         stored
}

// stored are a program's buffers of a sequence.
type stored struct {
	pages int
	ring  [2]int
	rows  int // of queries
}

// part is consecutive tokens that one dispatch reads.
type part struct {
	first, end int
	ring       bool
	frame      int // buffer
}

// sequenceOf makes the rows of a case whose parameters have groups.
func (c Case) sequenceOf() (*sequence, error) {
	s := &sequence{params: c.Params}
	for i := range s.at {
		kind := c
		kind.Seed += uint64(i) << 32
		kind.Params.Pages = c.Params.Attention.pages(c.Params.Attention.Tokens)
		rows := kind.rowsOf()
		s.ringStride = rows.stride
		s.ring[i] = c.Params.ringOf(rows)
		kind.Params.Pages = c.Params.Pages
		if kind.Params.Pages == 0 {
			continue
		}
		paged, err := kind.pagesByReference(rows)
		if err != nil {
			return nil, err
		}
		for _, at := range paged.at {
			s.at[i] = append(s.at[i], len(s.pages)+at)
		}
		s.pages = append(s.pages, paged.of...)
	}
	return s, nil
}

// ringOf is the ring with the rows of the tokens behind the pages.
func (p Params) ringOf(rows source) []uint32 {
	a := p.Attention
	words := slices.Repeat([]uint32{unwritten}, a.Slots*rows.stride)
	for t := a.paged(); t < a.Tokens && a.Slots > 0; t++ {
		page, token := (t-a.First)/a.PageTokens, (t-a.First)%a.PageTokens
		at := rows.first[page] + token*rows.stride
		copy(words[t%a.Slots*rows.stride+ringAt:], rows.words[at:at+rows.stride-rowPad])
	}
	return words
}

// add puts the store into a program.
func (s *sequence) add(p *program) {
	s.in.pages = p.input("pages", s.pages)
	s.in.ring = [2]int{p.input("ring.k", s.ring[0]), p.input("ring.v", s.ring[1])}
}

// parts are those of the first T tokens that scores hold, with a frame each.
func (s *sequence) parts(p *program) []part {
	a := s.params.Attention
	var parts []part
	from := a.First
	for _, end := range a.Parts {
		parts = append(parts, part{first: from, end: min(end, a.Tokens)})
		from = end
	}
	if a.Slots > 0 {
		parts = append(parts, part{first: from, end: a.Tokens, ring: true})
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return max(p.first, a.Base) >= p.end })
	for i := range parts {
		parts[i].frame = p.input("frame", s.frameOf(parts[i]))
	}
	return parts
}

// frameOf is the words of a part's frame.
func (s *sequence) frameOf(of part) []uint32 {
	a := s.params.Attention
	words := shaders.Frame{Tokens: uint32(a.Tokens), Base: uint32(a.Base), First: uint32(of.first), End: uint32(of.end)}.AppendTo(nil)
	for i := a.pages(of.first); !of.ring && i < a.pages(of.end); i++ {
		words = shaders.FramePages{K: uint32(s.at[0][i]), V: uint32(s.at[1][i])}.AppendTo(words)
	}
	return words
}

// read returns the buffer of rows (kind 0: K, 1: V) and the constants with
// which score and weighted_sum read a part.
func (s *sequence) read(of part, kind int, k *shaders.Kernel) (buffer int, spec []uint32) {
	if of.ring {
		return s.in.ring[kind], s.params.spec(k, 1)
	}
	return s.in.pages, s.params.spec(k, 0)
}
