package backend

import (
	"maps"
	"time"

	"github.com/qaqvk/qaqvk/shaders"
)

// Bytes are the sizes of a cache or of a sequence, each counted by what it says.
type Bytes struct {
	F16       int64 `json:"f16"`       // the rows of all tokens in f16: what the cache would take without qaqvk
	Live      int64 `json:"live"`      // pages with every header, range, index and padding, and the used parts of the recent window and of importance
	Committed int64 `json:"committed"` // device memory held for pages, recent window and importance, the whole reserve and slack included
	Slack     int64 `json:"slack"`     // committed for pages beyond what is live
	Reserve   int64 `json:"reserve"`   // device memory that New took for pages: a part of Committed of the cache
	Scratch   int64 `json:"scratch"`   // device memory for work on the way: a part of Staging
	Staging   int64 `json:"staging"`   // device and mapped memory for work on the way: bounded, does not grow with tokens or sequences
	Host      int64 `json:"host"`      // host memory: full-precision rows, mirror of the bits, page table, what a Weigher keeps
	Paper     int64 `json:"paper"`     // the paper's accounting: code bits and outlier values alone; no range, index or header
}

// Bits describes the bits of the stored groups of a kind.
type Bits struct {
	Mean      float64                    `json:"mean"`
	Histogram [shaders.RawBits + 1]int64 `json:"histogram"` // groups by bits 0..8 and 16
}

// Stats is a snapshot of a cache or of a sequence.
type Stats struct {
	Sequences int                      `json:"sequences"`
	Tokens    int                      `json:"tokens"` // of finished steps
	Stored    int                      `json:"stored"` // of these in pages
	Bytes     Bytes                    `json:"bytes"`
	K         Bits                     `json:"k"`
	V         Bits                     `json:"v"`
	Moves     Moves                    `json:"moves"`
	Adapting  Adapting                 `json:"adapting"`   // of the cache
	Unmet     error                    `json:"-"`          // the oldest decision that could not be followed, wraps ErrHostBudget; nil: none
	NonFinite int64                    `json:"non_finite"` // groups stored raw because they cannot be quantized
	Pages     int                      `json:"pages"`
	Segments  int                      `json:"segments"` // device buffers that the pages lie in
	Submits   int64                    `json:"submits"`
	Times     map[string]time.Duration `json:"times"` // by kernel, where the device has timestamps
}

// Stats returns the counters of this moment of all sequences together: pages
// that several hold are counted once, but each sequence's tokens, also in F16,
// and Moves include those of dropped sequences.
func (c *Cache) Stats() Stats {
	s := Stats{Moves: c.moves}
	for _, q := range sorted(c.sequences) {
		s.Sequences++
		s.Tokens += q.tokens
		s.Stored += q.stored
		s.Bytes.Host += q.indexBytes()
		if s.Unmet == nil {
			s.Unmet = q.hostBudgetError()
		}
	}
	s.Bytes.Host += c.pool.stored()
	words, segments := c.arena.size()
	c.complete(&s, &c.arena.total, words, segments)
	s.Bytes.Reserve = c.arena.reserveBytes()
	return s
}

// Stats returns the counters of this moment of the sequence, with all pages and
// host rows that it shares with others. Staging, Submits and Times are those of
// the cache. A dropped sequence has none.
func (s *Sequence) Stats() Stats {
	if s == nil || s.c == nil || s.dropped {
		return Stats{}
	}
	st := Stats{Sequences: 1, Tokens: s.tokens, Stored: s.stored, Moves: s.moves, Unmet: s.hostBudgetError()}
	st.Bytes.Host = s.indexBytes() + s.host.bytes()
	words, segments := s.store.extent()
	s.c.complete(&st, &s.store.total, words, segments)
	return st
}

// complete fills in what follows from the pages, the words and the number of
// their segments, and the counts of sequences and tokens.
func (c *Cache) complete(s *Stats, t *tally, words int64, segments int) {
	s.K, s.V, s.NonFinite = t.bits(shaders.Key), t.bits(shaders.Value), t.failed
	s.Pages, s.Segments, s.Submits = int(t.pages), segments, c.submits
	s.Adapting = c.adapting
	s.Times = maps.Clone(c.times)
	window := int64(s.Tokens-s.Stored) * int64(c.geo.slotWords())
	s.Bytes.F16 = int64(s.Tokens) * 2 * int64(c.cfg.Layers*c.cfg.KVHeads*c.cfg.HeadDim) * 2
	s.Bytes.Live = 4*(t.words+window) + c.importanceBytes(s.Tokens)
	s.Bytes.Committed = 4 * (words + int64(s.Sequences*(c.geo.slots*c.geo.slotWords()+c.importanceWords())))
	s.Bytes.Slack = 4 * (words - t.words)
	s.Bytes.Scratch = 4 * int64(c.scratch.Len())
	s.Bytes.Staging = c.buffers.bytes() + c.adapter.bytes() + c.pool.slotBytes()
	s.Bytes.Paper = t.paperBytes(&c.geo) + 4*window
}

// indexBytes are the host bytes beside the rows.
func (s *Sequence) indexBytes() int64 {
	n := s.store.mirrorBytes()
	for k := range s.remembered {
		for unit := range s.remembered[k] {
			n += s.remembered[k][unit].bytes()
		}
	}
	return n
}
