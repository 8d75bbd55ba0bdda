package calibrate

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model"
)

// Setup is what a Collector must know before the first window.
type Setup struct {
	Layers, KVHeads, QueryHeads, HeadDim int

	RoPE        profile.RoPE // without speeds, nothing is turned
	Window      int          // tokens of the longest window
	Context     int          // tokens of the longest text; of keys, statistics are of all positions of a stretch
	Rows        int          // tokens of all windows; 0: nobody knows
	ForwardOnly bool         // there are no gradients
}

// Collector takes the statistics of windows of text, whatever computes their rows: for
// each window Begin, then for each layer Attended, block after block, and Add. One
// goroutine may use it at a time.
type Collector struct {
	setup      Setup
	importance profile.Importance
	heads      []*moments // [2][Layers][KVHeads]
	levels     []*levels  // [Layers]

	window  int // tokens of the window that is open
	tokens  int // of all
	windows int
}

// NewCollector returns one that no window was added to. It fails with ErrText where the
// longest window is too short.
func NewCollector(s Setup) (*Collector, error) {
	if s.Window < LeastWindow {
		return nil, fmt.Errorf("calibrate: longest window has %d tokens, at least %d: %w", s.Window, LeastWindow, ErrText)
	}
	c := &Collector{setup: s, importance: profile.DefaultImportance()}
	turns, shifts := newTurns(s.RoPE, s.Window), newShifts(s.RoPE, s.Window, s.Context)
	for i := range 2 * s.Layers * s.KVHeads {
		h := newMoments(s.HeadDim, s.Rows)
		h.plain = s.ForwardOnly
		if i < s.Layers*s.KVHeads {
			h.turns, h.shifts = turns, shifts
		}
		c.heads = append(c.heads, h)
	}
	for range s.Layers {
		c.levels = append(c.levels, newLevels(c.importance, s.QueryHeads))
	}
	return c, nil
}

// Begin begins a window of n tokens, LeastWindow to Setup.Window.
func (c *Collector) Begin(n int) error {
	if n < LeastWindow || n > c.setup.Window {
		return fmt.Errorf("a window has %d tokens, want %d to %d: %w", n, LeastWindow, c.setup.Window, ErrText)
	}
	for _, l := range c.levels {
		l.begin(n)
	}
	c.window = n
	c.windows++
	c.tokens += n
	return nil
}

// Windows returns how many windows were begun, and their tokens.
func (c *Collector) Windows() (windows, tokens int) { return c.windows, c.tokens }

// Attended takes what model.Differentiator.Attended is told of a block of queries.
func (c *Collector) Attended(layer int, shares []float32) { c.levels[layer].add(shares) }

// Add gives each KV head its rows and gradients, but for the first tokens, which
// are kept raw, and the last, which no query reads from far enough.
func (c *Collector) Add(g model.LayerGradients) {
	s, heads, n := c.setup, c.setup.KVHeads, c.window
	group := s.QueryHeads / heads
	parallelHeads(2*heads, func(i int) {
		rows, gradients := g.K, g.GradK
		if i >= heads {
			rows, gradients = g.V, g.GradV
		}
		h := c.heads[(i/heads*s.Layers+g.Layer)*heads+i%heads]
		h.add(rows[i%heads*s.HeadDim:], headOf(gradients, i%heads*s.HeadDim), heads*s.HeadDim, c.importance.First, n-c.importance.Recent)
		if s.ForwardOnly && i < heads {
			for q := i * group; q < (i+1)*group; q++ {
				h.outer(h.fisher, gather(g.Q[q*s.HeadDim:], s.QueryHeads*s.HeadDim, 0, n, s.HeadDim))
			}
		}
	})
}

// headOf is rows from an offset on; none where there are no rows.
func headOf(rows []float32, at int) []float32 {
	if rows == nil {
		return nil
	}
	return rows[at:]
}

// Result makes the profile of all that was added, for a model of that fingerprint. More
// windows may be added afterwards.
func (c *Collector) Result(o Options, fingerprint string) (*Result, error) {
	r, err := c.result(o, fingerprint)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	return r, nil
}

func (c *Collector) result(o Options, fingerprint string) (*Result, error) {
	p := profile.New(policy.Shape{Layers: c.setup.Layers, KVHeads: c.setup.KVHeads, HeadDim: c.setup.HeadDim})
	p.RoPE, p.Source, p.Importance, p.Model = c.setup.RoPE, o.Source, c.importance, fingerprint
	if c.windows == 0 {
		return nil, fmt.Errorf("no window: %w", ErrText)
	}
	if err := c.transforms(p); err != nil {
		return nil, err
	}
	c.codebook(&p.Codebook, p)
	r := &Result{Tokens: c.tokens}
	var err error
	if r.Raw, err = c.use(p.Use); err != nil {
		return nil, err
	}
	if r.Profile, err = p.ForBits(o.Bits); err != nil {
		return nil, err
	}
	r.Bits = r.Profile.Bits()
	return r, r.Profile.Validate()
}
