package generate

import (
	"context"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/model"
)

// Store is a model.KV whose rows are a sequence of a cache on a device, which
// also attends to them.
type Store struct {
	ctx  context.Context // of the run
	text *backend.Sequence
}

// NewStore wraps an empty sequence of a cache whose configuration has the
// model's query heads.
func NewStore(ctx context.Context, text *backend.Sequence) *Store { return &Store{ctx, text} }

// Tokens implements model.KV.
func (s *Store) Tokens() int { return s.text.Tokens() }

// Append implements model.KV.
func (s *Store) Append(layer int, k, v []float32) error {
	return s.text.Append(layer, backend.RowsF32(k), backend.RowsF32(v))
}

// Attend implements model.KV.
func (s *Store) Attend(layer int, q, out []float32, a model.Attention) error {
	return s.text.Attend(s.ctx, layer, backend.RowsF32(q), backend.RowsF32(out),
		backend.AttendOptions{Scale: a.Scale, Window: a.Window, SoftCap: a.SoftCap})
}

// Step implements model.KV.
func (s *Store) Step() error { return s.text.Step(s.ctx) }
