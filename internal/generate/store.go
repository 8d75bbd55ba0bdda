package generate

import (
	"context"

	"github.com/qaqvk/qaqvk/backend"
)

// Store is a model.KV whose rows lie in a cache on a device.
type Store struct {
	ctx        context.Context // of the run, for steps that wait for the host
	cache      *backend.Cache
	queryHeads int
	row        int       // KV heads times head dimension
	k, v       []float32 // rows as the cache returned them last
}

// NewStore wraps an empty cache of rows of row elements for a model with that
// many query heads.
func NewStore(ctx context.Context, c *backend.Cache, queryHeads, row int) *Store {
	return &Store{ctx: ctx, cache: c, queryHeads: queryHeads, row: row}
}

// Tokens implements model.KV.
func (s *Store) Tokens() int { return s.cache.Tokens() }

// Append implements model.KV.
func (s *Store) Append(layer int, k, v []float32) error {
	if layer == 0 {
		s.reserve(s.cache.Tokens() + len(k)/s.row)
	}
	return s.cache.Append(layer, backend.RowsF32(k), backend.RowsF32(v))
}

// reserve makes room for the rows of tokens, with some to spare.
func (s *Store) reserve(tokens int) {
	if n := tokens * s.row; n > len(s.k) {
		s.k, s.v = make([]float32, n+n/2), make([]float32, n+n/2)
	}
}

// Read implements model.KV.
func (s *Store) Read(layer int) (k, v []float32, tokens int, err error) {
	tokens, err = s.cache.Read(layer, backend.RowsF32(s.k), backend.RowsF32(s.v))
	return s.k, s.v, tokens, err
}

// Observe implements model.KV.
func (s *Store) Observe(layer int, probs []float32, queries, _ int) error {
	return s.cache.Observe(layer, probs, queries, s.queryHeads)
}

// Step implements model.KV.
func (s *Store) Step() error { return s.cache.Step(s.ctx) }
