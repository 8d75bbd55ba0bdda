package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// Append adds rows of n >= 1 tokens, [n][KV heads][D], to a layer. They are
// converted to the cache's type on the device. Rows given as a View are read by
// the next Read, Attend or Step and must stay as they are until then; after
// RecordAttend, by the caller's submission.
//
// A finite element beyond the largest value of the cache's type (65,504 of f16;
// f16 and bf16 caches, not those of f32, which keep it) becomes that value, with its
// sign, and is counted in Stats.Clamped. Infinities and NaN stay what they are: their
// groups are stored raw and counted in Stats.NonFinite.
//
// Every layer must get the same tokens before Step, in one call or in several,
// together at most MaxStepTokens. Where the recent window needs more device memory for
// them and there is none, nothing of the call is in. The error wraps ErrCapacity for
// too many tokens, ErrShape for rows of another shape, and ErrRange for a layer that
// there is not.
func (s *Sequence) Append(layer int, k, v Rows) error {
	if err := s.usable(layer); err != nil {
		return err
	}
	defer s.c.span("append")()
	n, err := s.c.checkRows(k, v)
	if err != nil {
		return fmt.Errorf("backend: append: %w", typed{err, ErrShape})
	}
	if err := s.checkRoom(layer, n); err != nil {
		return err
	}
	if len(s.c.recordings) > 0 && k.view.Buffer == nil {
		return fmt.Errorf("backend: append: %d recordings are not ended: %w: %w", len(s.c.recordings), ErrHostRows, ErrRecorded)
	}
	token, typ := s.layerTokens(layer), k.typ.shader()
	if err := s.fitRing(token + n); err != nil {
		return err
	}
	if k.view.Buffer != nil {
		s.window.StageViews(layer, token, n, typ, k.view, v.view)
	} else if err := s.window.Stage(layer, token, n, typ, k.pack, v.pack); err != nil {
		return err
	}
	s.pending[layer] += n
	return nil
}

// checkRows returns the tokens that k and v have.
func (c *Cache) checkRows(k, v Rows) (int, error) {
	token, n := c.cfg.KVHeads*c.cfg.HeadDim, 0
	for i, r := range []Rows{k, v} {
		elements, err := r.elements()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", shaders.Kind(i), err)
		}
		if elements == 0 || elements%token != 0 {
			return 0, fmt.Errorf("%s: %d elements: a token has %d", shaders.Kind(i), elements, token)
		}
		if err := r.checkView(c.work.Device); err != nil {
			return 0, fmt.Errorf("%s: %w", shaders.Kind(i), err)
		}
		if i == 1 && elements/token != n {
			return 0, fmt.Errorf("%d tokens of k and %d of v", n, elements/token)
		}
		n = elements / token
	}
	if k.typ != v.typ || (k.view.Buffer == nil) != (v.view.Buffer == nil) {
		return 0, fmt.Errorf("k is %s and v is %s, or one of them on the device: both must be alike", k.typ, v.typ)
	}
	return n, nil
}

func (s *Sequence) checkRoom(layer, n int) error {
	step, end := s.pending[layer]+n, s.layerTokens(layer)+n
	switch {
	case step > s.c.cfg.MaxStepTokens:
		return fmt.Errorf("backend: append: %d tokens in a step: limit %d: %w", step, s.c.cfg.MaxStepTokens, ErrCapacity)
	case end > s.c.cfg.Capacity:
		return fmt.Errorf("backend: append: %d tokens: capacity %d: %w", end, s.c.cfg.Capacity, ErrCapacity)
	case end-s.extent.Stored > s.c.work.WholeRing():
		return fmt.Errorf("backend: append: %d tokens in the recent window: limit %d, because an earlier Step failed: %w: %w", end-s.extent.Stored, s.c.work.WholeRing(), ErrCapacity, ErrDeferred)
	}
	return nil
}
