package backend

import "time"

// Bytes are the sizes of a cache, each counted by what it says.
type Bytes struct {
	F16       int64 `json:"f16"`       // the rows of all tokens in f16: what the cache would take without qaqvk
	Live      int64 `json:"live"`      // pages with every header, range, index and padding, and the used part of the recent window
	Committed int64 `json:"committed"` // device memory held for pages and recent window, slack included
	Slack     int64 `json:"slack"`     // committed for pages beyond what is live
	Staging   int64 `json:"staging"`   // device and mapped memory for work on the way: bounded, does not grow with the tokens
	Host      int64 `json:"host"`      // host memory: full-precision rows, mirror of the bits, page table, attention rows
	Paper     int64 `json:"paper"`     // the paper's accounting: code bits and outlier values alone; no range, index or header
}

// Bits describes the bits of the stored groups of a kind.
type Bits struct {
	Mean      float64            `json:"mean"`
	Histogram [rawBits + 1]int64 `json:"histogram"` // groups by bits 0..8 and 16
}

// Stats is a snapshot of a cache.
type Stats struct {
	Tokens    int                      `json:"tokens"` // of finished steps
	Stored    int                      `json:"stored"` // of these in pages
	Bytes     Bytes                    `json:"bytes"`
	K         Bits                     `json:"k"`
	V         Bits                     `json:"v"`
	Moves     Moves                    `json:"moves"`
	NonFinite int64                    `json:"non_finite"` // groups stored raw because they cannot be quantized
	Pages     int                      `json:"pages"`
	Segments  int                      `json:"segments"` // device buffers that the pages lie in
	Submits   int64                    `json:"submits"`
	Times     map[string]time.Duration `json:"times"` // by kernel, where the device has timestamps
}

// Stats returns the counters of this moment.
func (c *Cache) Stats() Stats {
	words, segments, pages := c.store.sizes()
	window := int64(c.tokens-c.stored) * int64(c.geo.slotWords())
	s := Stats{Tokens: c.tokens, Stored: c.stored, Moves: c.moves, NonFinite: c.store.failed,
		Pages: pages, Segments: segments, Submits: c.submits, Times: map[string]time.Duration{}}
	s.K, s.V = c.store.bitsOf(Key), c.store.bitsOf(Value)
	for k, d := range c.times {
		s.Times[k] = d
	}
	s.Bytes = Bytes{
		F16:       int64(c.tokens) * 2 * int64(c.cfg.Layers*c.cfg.KVHeads*c.cfg.HeadDim) * 2,
		Live:      4 * (c.store.liveWords + window),
		Committed: 4 * (words + int64(c.geo.slots*c.geo.slotWords())),
		Slack:     4 * (words - c.store.liveWords),
		Staging:   c.stagingBytes() + c.host.stagingBytes(),
		Host:      c.host.bytes() + c.store.mirrorBytes() + c.importance.bytes(),
		Paper:     c.store.paperBytes() + 4*window,
	}
	return s
}

func (s *store) bitsOf(k Kind) Bits {
	b := Bits{Histogram: s.count[k]}
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
func (s *store) paperBytes() int64 {
	var bits int64
	l := s.geo.layout
	element := int64(8 * l.ElementBytes())
	for k := range s.count {
		for b, n := range s.count[k] {
			each := int64(l.Group()-l.Outliers())*int64(b) + int64(l.Outliers())*element
			if b == rawBits {
				each = int64(l.Group()) * element
			}
			bits += n * each
		}
	}
	return bits / 8
}
