package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/adapt"
	"github.com/qaqvk/qaqvk/backend/internal/attend"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/decayed"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/store"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// calibrated is the scheme of the calibrated codec: levels by decayed importance.
type calibrated struct {
	work   *core.Work
	codec  *codec.Calibrated
	layout *decayed.Layout // nil: levels are fixed
	first  int             // tokens of a text that are raw
	shift  int             // of all levels: decayed.Choice
}

func newCalibrated(w *core.Work, cfg Config) (*calibrated, error) {
	tables, err := cfg.Profile.AllTables(w.Layout.Type)
	if err != nil {
		return nil, fmt.Errorf("backend: new cache: %w", err)
	}
	c := &calibrated{work: w, first: cfg.Profile.Importance.First}
	if c.codec, err = codec.NewCalibrated(w, tables, turnOf(cfg.Profile)); err != nil {
		return nil, err
	}
	if !cfg.Policy.(policy.Levels).Fixed {
		i := cfg.Profile.Importance
		c.layout, err = decayed.NewLayout(w, decayed.Parameters{HalfLife: i.HalfLife, Floor: i.Floor, Sink: i.Sink, First: i.First})
		if err != nil {
			c.codec.Close()
			return nil, err
		}
	}
	return c, nil
}

// turnOf is how the mean of keys turns.
func turnOf(p *profile.Profile) codec.Turn {
	return codec.Turn{Rotary: p.RoPE.Dims(), Interleaved: !p.RoPE.Halves, Rotation: p.Rotation}
}

func (c *calibrated) close() {
	c.codec.Close()
	if c.layout != nil {
		c.layout.Close()
	}
}

// Adapts tells whether levels may ever change.
func (c *calibrated) Adapts() bool { return c.layout != nil }

// Measure takes what choosing the levels of n pages of each kind takes.
func (c *calibrated) Measure(plan, bits *core.Room, n int) { c.layout.MeasureStored(plan, bits, n) }

func (c *calibrated) staging() (scratch, plan, out int) {
	if c.layout == nil {
		return store.RecordsRoom(c.work, c.codec, nil, 1)
	}
	return store.RecordsRoom(c.work, c.codec, c.layout.Measure, 1)
}

func (c *calibrated) importanceWords() int {
	if c.layout == nil {
		return 0
	}
	return c.layout.Words()
}

func (c *calibrated) importanceBytes(tokens int) int64 {
	if c.layout == nil {
		return 0
	}
	return c.layout.Bytes(tokens)
}

// roundUnits are tokens: levels follow from how many queries there were.
func (c *calibrated) roundUnits(tokens int) int { return tokens }

func (c *calibrated) tableBytes() int64 { return c.codec.Bytes() }

// meanBits are the bits that an element takes in pages of a kind, every header counted.
func (c *calibrated) meanBits(n *pages.Counts, k shaders.Kind) float64 {
	groups := int64(0)
	for _, count := range n.Groups[k] {
		groups += count
	}
	return float64(32*n.KindWords[k]) / float64(max(1, groups*int64(c.work.Layout.Group())))
}

// paperBytes are those of the pages: there are no ranges and outliers to leave out.
func (c *calibrated) paperBytes(n *pages.Counts) int64 { return 4 * n.Words }

// calibratedState is the importance of a sequence.
type calibratedState struct {
	*calibrated
	of         *Sequence
	importance *decayed.Importance // nil: levels are fixed
}

func (c *calibrated) newState(s *Sequence) (_ state, err error) {
	t := &calibratedState{calibrated: c, of: s}
	if c.layout != nil {
		t.importance, err = decayed.New(c.layout, s.id)
	}
	return t, err
}

func (c *calibratedState) attended(layer, queries int) attend.Importance {
	if c.importance == nil {
		return nil
	}
	return c.importance.Call(layer, queries)
}

func (c *calibratedState) done(layer, queries, tokens int) {
	if c.importance != nil {
		c.importance.Done(layer, queries, tokens)
	}
}

func (c *calibratedState) observe(layer int, probs []float32, queries, queryHeads, tokens int) error {
	if c.importance == nil {
		return nil
	}
	if queryHeads != c.work.QueryHeads {
		return typed{fmt.Errorf("backend: observe: %d query heads: the cache has %d", queryHeads, c.work.QueryHeads), ErrShape}
	}
	return c.importance.Observe(layer, probs, queries, tokens)
}

func (c *calibratedState) readImportance(stored int) ([][]float32, error) {
	if c.importance == nil {
		return nil, nil
	}
	return c.importance.Read(stored, c.of.table.Freed)
}

// choice is what levels depend on besides importance, of a sequence of which so many
// tokens are stored or about to be.
func (c *calibratedState) choice(stored int) decayed.Choice {
	return decayed.Choice{Stored: stored, Shift: c.shift, Freed: c.of.table.Freed}
}

func (c *calibratedState) choosing(_, stored int) adapt.Choosing {
	return decayed.Stored{Importance: c.importance, Choice: c.choice(stored)}
}

func (c *calibratedState) encoder(tokens int) store.Encoder {
	e := &store.Calibrated{Work: c.work, Codec: c.codec, Ring: c.of.window.Ring, First: c.first}
	if c.importance != nil {
		choice := c.choice(tokens)
		e.Choose = func(l *device.List, plan *core.Room, list []pages.ID, levels device.View) {
			c.importance.Choose(l, plan, list, choice, levels)
		}
		e.Measure = c.layout.Measure
	}
	return e
}

func (c *calibratedState) copyTo(f state) error {
	if c.importance == nil {
		return nil
	}
	return c.importance.CopyTo(f.(*calibratedState).importance)
}

func (c *calibratedState) forget(tokens, _ int) {
	if c.importance != nil {
		c.importance.Forget(tokens)
	}
}

func (c *calibratedState) hostBytes() int64 { return 0 }

func (c *calibratedState) release() {
	if c.importance != nil {
		c.importance.Release()
	}
}
