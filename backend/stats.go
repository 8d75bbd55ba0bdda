package backend

import (
	"time"

	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Bytes are the sizes of a cache or of a sequence, each counted by what it says.
type Bytes struct {
	F16       int64 `json:"f16"`       // the rows of all tokens in f16: what the cache would take without qaqvk
	Live      int64 `json:"live"`      // pages with every header, range, index and padding, and the used parts of the recent window and of importance; the tables of a profile
	Stored    int64 `json:"stored"`    // pages alone, with every header, range, index and padding: a part of Live
	Committed int64 `json:"committed"` // device memory held for pages, recent window and importance, the whole reserve and slack included
	Slack     int64 `json:"slack"`     // committed for pages beyond what is live
	Reserve   int64 `json:"reserve"`   // device memory that New took for pages: a part of Committed of the cache
	Peak      int64 `json:"peak"`      // the most memory at once of the device since it was opened, mapped memory left out: of a sequence, that of its cache
	Tables    int64 `json:"tables"`    // device memory of the tables of a profile, which does not grow with tokens: a part of Live and Committed
	Scratch   int64 `json:"scratch"`   // device memory that lists work in: a part of Staging
	Staging   int64 `json:"staging"`   // device and mapped memory that lists work in: bounded, does not grow with tokens or sequences
	Host      int64 `json:"host"`      // host memory: full-precision rows, mirror of the bits, page table, what a HostPolicy keeps
	Paper     int64 `json:"paper"`     // the paper's accounting: code bits and outlier values alone; no range, index or header
}

// Bits describes the bits of the stored groups of a kind.
type Bits struct {
	Mean      float64                `json:"mean"`
	Histogram [shaders.Raw + 1]int64 `json:"histogram"` // groups by bits 0..8 and 16; those evicted at 14
	Evicted   int64                  `json:"evicted"`   // groups that take no part in attention; they count as 0 bits
	Unmet     int64                  `json:"unmet"`     // groups whose bound even the most bits that the policy allows do not keep
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
	Adapting  Batches                  `json:"adapting"`   // of the cache
	Shortfall error                    `json:"-"`          // a choice that could not be followed, wraps ErrHostBudget; nil: none
	NonFinite int64                    `json:"non_finite"` // groups stored raw because they cannot be quantized
	Clamped   int64                    `json:"clamped"`    // elements of appended rows beyond the largest value of the cache's type, which took its place (Append); those rolled back included
	Lowered   float64                  `json:"lowered"`    // levels that the budget of bytes takes off all tokens
	Pages     int                      `json:"pages"`
	Segments  int                      `json:"segments"` // device buffers that the pages lie in
	Submits   int64                    `json:"submits"`
	Times     map[string]time.Duration `json:"times"` // by kernel, of Attend as TimeKernels says, where the device has timestamps
}

// Stats returns the counters of this moment of all sequences together: pages
// that several hold are counted once, but each sequence's tokens, also in F16,
// and Moves and Clamped include those of dropped sequences. It goes through the page tables.
func (c *Cache) Stats() Stats {
	if c.closed {
		return Stats{}
	}
	s := Stats{Moves: c.adapter.Moves, Clamped: c.staging.Clamped()}
	rings := 0
	for _, q := range c.inOrder() {
		s.Sequences++
		s.Tokens += q.extent.Tokens
		s.Stored += q.extent.Stored
		s.Bytes.Host += q.indexBytes()
		rings += q.window.Ring.Len()
		if s.Shortfall == nil {
			s.Shortfall = q.hostBudgetError()
		}
	}
	s.Bytes.Host += c.host.Bytes()
	words, segments := c.arena.Size()
	c.complete(&s, c.arena.Count(), words, segments, rings)
	for _, seg := range c.arena.Reserve() {
		s.Bytes.Reserve += core.Bytes(seg.Buffer)
	}
	return s
}

// Stats returns the counters of this moment of the sequence, with all pages and
// host rows that it shares with others. Peak, Staging, Submits and Times are
// those of the cache. A dropped sequence has none.
func (s *Sequence) Stats() Stats {
	if s == nil || s.c == nil || s.dropped {
		return Stats{}
	}
	st := Stats{Sequences: 1, Tokens: s.extent.Tokens, Stored: s.extent.Stored, Moves: s.adapting.Moves, Shortfall: s.hostBudgetError(), Clamped: s.window.Clamped}
	st.Bytes.Host = s.indexBytes() + s.host.Bytes()
	words, segments := s.table.Extent()
	s.c.complete(&st, s.table.Count(), words, segments, s.window.Ring.Len())
	return st
}

// complete fills in what follows from the pages, the words and the number of
// their segments, the words of rings, and the counts of sequences and tokens.
func (c *Cache) complete(s *Stats, n *pages.Counts, words int64, segments, rings int) {
	w := c.work
	s.K, s.V, s.NonFinite = c.bitsOf(n, shaders.Key), c.bitsOf(n, shaders.Value), n.Unquantizable
	s.Pages, s.Segments = int(n.Pages), segments
	s.Submits, s.Times = c.counts()
	s.Adapting = c.adapter.Batches
	recent := int64(s.Tokens-s.Stored) * int64(w.TokenWords)
	s.Bytes.F16 = int64(s.Tokens) * 2 * int64(c.cfg.Layers*c.cfg.KVHeads*c.cfg.HeadDim) * 2
	s.Bytes.Stored = 4 * n.Words
	if k, ok := c.scheme.(*calibrated); ok {
		s.Lowered = -float64(k.shift) / shaders.ShiftsPerLevel
	}
	s.Bytes.Tables = c.scheme.tableBytes()
	s.Bytes.Live = s.Bytes.Stored + 4*recent + s.Bytes.Tables + c.scheme.importanceBytes(s.Tokens) - c.scheme.importanceBytes(int(n.Freed))/int64(w.LayerGroups)
	s.Bytes.Committed = s.Bytes.Tables + 4*(words+int64(rings+s.Sequences*c.scheme.importanceWords()))
	s.Bytes.Slack = 4 * (words - n.Words)
	s.Bytes.Peak = w.Device.Stats().PeakBytes
	s.Bytes.Scratch = 4 * int64(w.Scratch.Len())
	s.Bytes.Staging = core.Bytes(w.Rows, w.Plan, w.Scratch, w.Out, w.Clamped) + c.attention.Bytes() + c.adapter.StagingBytes() + c.host.BufferBytes()
	s.Bytes.Paper = c.scheme.paperBytes(n) + 4*recent
}

// bitsOf describes groups of a kind by their bits.
func (c *Cache) bitsOf(n *pages.Counts, k shaders.Kind) Bits {
	return Bits{Mean: c.scheme.meanBits(n, k), Histogram: n.Groups[k], Evicted: n.Groups[k][shaders.Evicted], Unmet: n.Unmet[k]}
}

// indexBytes are the host bytes but for the rows.
func (s *Sequence) indexBytes() int64 {
	return s.table.HostBytes() + s.state.hostBytes()
}
