package backend

import (
	"context"
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/attend"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// AttendOptions are what models differ in. The zero value is plain causal
// attention.
type AttendOptions struct {
	Scale   float32 // factor of the scores; 0: 1/sqrt(D)
	Window  int     // tokens that a query sees, its own included; 0: all up to its own
	SoftCap float32 // C of C*tanh(score/C); 0: none

	SkipImportance bool // the queries do not count for importance
}

// Attend computes softmax(q k^T * scale) v over a layer, straight from the
// pages and the recent window. q and out are rows of n = 1..512 queries,
// [n][query heads][D], f32, f16 or bf16, in host memory or as a View. Query i
// belongs to token T-n+i, T being the tokens of the layer, those of the current
// step included, and sees the tokens up to its own. Config.QueryHeads must be
// set; the query heads of a KV head are consecutive.
//
// The same pass records the queries for importance. The bits of the result are the
// same on every device, for any n and any earlier calls (package shaders,
// Attention).
//
// A long call is split into submissions of Config.MaxSubmit. A context that is
// cancelled ends it before the next one. Where it ends early, out in host memory is
// as it was, out as a View may have some rows, and the call may be repeated; until
// it is, or as many as Config.Queries queries were attended anew, importance counts
// the queries as lost that it may have changed.
//
// The error wraps ErrShape for rows of another shape, ErrQueries for more queries
// than the sequence has tokens or a call may have, ErrConfig for other options or
// where Config.QueryHeads is not set, ErrRange for a layer that there is not, and
// that of a cancelled context.
func (s *Sequence) Attend(ctx context.Context, layer int, q, out Rows, o AttendOptions) error {
	if err := s.idle(layer); err != nil {
		return err
	}
	defer s.c.span("attend")()
	n, err := s.checkQueries(layer, q, out, &o)
	if err != nil {
		return fmt.Errorf("backend: attend: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("backend: attend: %w", err)
	}
	if s.mustFlush(layer) {
		if err := s.window.Flush(); err != nil {
			return err
		}
	}
	call := s.attention(layer, n, q, out, o)
	if err := s.runAttention(ctx, call, q, out); err != nil {
		return err
	}
	if !o.SkipImportance {
		s.state.done(layer, n, call.Tokens)
	}
	return nil
}

// attention is a call of so many queries.
func (s *Sequence) attention(layer, n int, q, out Rows, o AttendOptions) attend.Call {
	call := attend.Call{Layer: layer, Queries: n, Tokens: s.layerTokens(layer), Stored: s.extent.Stored,
		Q: attend.Rows{Type: q.typ.shader(), View: q.view}, Out: attend.Rows{Type: out.typ.shader(), View: out.view},
		Options: attend.Options{Scale: o.Scale, Window: o.Window, SoftCap: o.SoftCap},
		Table:   s.table, Window: s.window}
	if !o.SkipImportance {
		call.Importance = s.state.attended(layer, n)
	}
	return call
}

// runAttention runs a call; rows of the host go through the buffers of Attention.
func (s *Sequence) runAttention(ctx context.Context, c attend.Call, q, out Rows) error {
	a, elements := s.c.attention, c.Queries*s.c.cfg.QueryHeads*s.c.cfg.HeadDim
	if s.attends[c.Layer] == nil {
		s.attends[c.Layer] = &attend.Lists{}
	}
	if q.view.Buffer == nil {
		q.pack(0, a.QueryRows.Words()[:elements*q.typ.Bytes()/4])
	}
	if err := s.attends[c.Layer].Run(ctx, a, c); err != nil {
		return err
	}
	if out.view.Buffer == nil {
		out.unpack(0, a.OutputRows.Words()[:elements*out.typ.Bytes()/4])
	}
	return nil
}

// mustFlush tells whether rows wait that are not of the layer attended to, whose
// list converts only its own.
func (s *Sequence) mustFlush(layer int) bool {
	w := s.window.Waiting()
	return len(w) > 1 || len(w) == 1 && w[0].Layer != layer
}

// checkQueries returns the number of queries and sets the scale.
func (s *Sequence) checkQueries(layer int, q, out Rows, o *AttendOptions) (int, error) {
	c, tokens := &s.c.cfg, s.layerTokens(layer)
	if c.QueryHeads == 0 {
		return 0, fmt.Errorf("the configuration has no query heads: %w", policy.ErrConfig)
	}
	row := c.QueryHeads * c.HeadDim
	n, err := checkQueryRows(s.c.work.Device, q, out, row)
	switch {
	case err != nil:
		return 0, typed{err, ErrShape}
	case n > s.c.attention.Limit():
		return 0, fmt.Errorf("%d queries: limit %d: %w", n, s.c.attention.Limit(), ErrQueries)
	case n > tokens:
		return 0, fmt.Errorf("%d queries: layer %d holds %d tokens: %w", n, layer, tokens, ErrQueries)
	}
	if w := s.c.cfg.layerWindow(layer); w > 0 && (o.Window == 0 || o.Window > w) {
		return 0, fmt.Errorf("window %d: layer %d keeps the tokens of a window of %d: %w", o.Window, layer, w, ErrConfig)
	}
	return n, o.check(c.HeadDim)
}

// checkQueryRows returns the queries, of row elements each, that q has and out
// has room for.
func checkQueryRows(d device.Device, q, out Rows, row int) (int, error) {
	var elements [2]int
	for i, r := range []Rows{q, out} {
		name, err := [...]string{"q", "out"}[i], error(nil)
		if elements[i], err = r.elements(); err == nil {
			err = r.checkView(d)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	if elements[0] == 0 || elements[0]%row != 0 {
		return 0, fmt.Errorf("q: %d elements: a query has %d", elements[0], row)
	}
	if elements[1] < elements[0] {
		return 0, fmt.Errorf("out: room for %d elements: the queries have %d", elements[1], elements[0])
	}
	return elements[0] / row, nil
}

// check sets the scale and refuses options that no model has.
func (o *AttendOptions) check(headDim int) error {
	if o.Scale == 0 {
		o.Scale = float32(1 / math.Sqrt(float64(headDim)))
	}
	switch {
	case !(math.Abs(float64(o.Scale)) <= maxScale):
		return fmt.Errorf("scale %g: must be within -%g..%g: %w", o.Scale, float64(maxScale), float64(maxScale), policy.ErrConfig)
	case o.Window < 0 || o.Window > maxCapacity:
		return fmt.Errorf("window %d: must be 0..%d: %w", o.Window, maxCapacity, policy.ErrConfig)
	case o.SoftCap != 0 && !(o.SoftCap >= 1/maxScale && o.SoftCap <= maxScale):
		return fmt.Errorf("soft cap %g: must be 0 or %g..%g: %w", o.SoftCap, 1/float64(maxScale), float64(maxScale), policy.ErrConfig)
	}
	return nil
}

// maxScale bounds the scale and the soft cap, so that the numeric contract's
// bounds on sums hold.
const maxScale = 0x1p20
