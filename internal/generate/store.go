package generate

import (
	"context"

	"github.com/qaqvk/qaqvk/backend"
)

// Store is a model.KV whose rows are a sequence of a cache on a device.
type Store struct {
	ctx        context.Context // of the run, for steps that wait for the host
	text       *backend.Sequence
	queryHeads int
	row        int       // KV heads times head dimension
	k, v       []float32 // rows as the cache returned them last
}

// NewStore wraps an empty sequence of rows of row elements for a model with that
// many query heads.
func NewStore(ctx context.Context, text *backend.Sequence, queryHeads, row int) *Store {
	return &Store{ctx: ctx, text: text, queryHeads: queryHeads, row: row}
}

// Tokens implements model.KV.
func (s *Store) Tokens() int { return s.text.Tokens() }

// Append implements model.KV.
func (s *Store) Append(layer int, k, v []float32) error {
	if layer == 0 {
		s.reserve(s.text.Tokens() + len(k)/s.row)
	}
	return s.text.Append(layer, backend.RowsF32(k), backend.RowsF32(v))
}

// reserve makes room for the rows of tokens, with some to spare.
func (s *Store) reserve(tokens int) {
	if n := tokens * s.row; n > len(s.k) {
		s.k, s.v = make([]float32, n+n/2), make([]float32, n+n/2)
	}
}

// Read implements model.KV.
func (s *Store) Read(layer int) (k, v []float32, tokens int, err error) {
	tokens, err = s.text.Read(layer, backend.RowsF32(s.k), backend.RowsF32(s.v))
	return s.k, s.v, tokens, err
}

// Observe implements model.KV.
func (s *Store) Observe(layer int, probs []float32, queries, _ int) error {
	return s.text.Observe(layer, probs, queries, s.queryHeads)
}

// Step implements model.KV.
func (s *Store) Step() error { return s.text.Step(s.ctx) }
