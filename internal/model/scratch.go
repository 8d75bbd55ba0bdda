package model

// scratch holds the activations of a batch of n tokens.
type scratch struct {
	x, norm, mixed []float32 // residual stream, normalised, attention output
	qkv, q, k, v   []float32
	gateUp, hidden []float32
	angles         angles
}

// resize makes room for n tokens.
func (s *scratch) resize(c Config, n int) *scratch {
	q, kv := c.QueryHeads*c.HeadDim, c.KVHeads*c.HeadDim
	s.x, s.norm = grow(s.x, n*c.Width), grow(s.norm, n*c.Width)
	s.qkv, s.q, s.mixed = grow(s.qkv, n*(q+2*kv)), grow(s.q, n*q), grow(s.mixed, n*q)
	s.k, s.v = grow(s.k, n*kv), grow(s.v, n*kv)
	s.gateUp, s.hidden = grow(s.gateUp, n*2*c.Hidden), grow(s.hidden, n*c.Hidden)
	return s
}

// split copies the columns of qkv [n][q+2·kv] to q, k and v.
func (s *scratch) split(c Config, n int) {
	q, kv := c.QueryHeads*c.HeadDim, c.KVHeads*c.HeadDim
	for i := range n {
		row := s.qkv[i*(q+2*kv) : (i+1)*(q+2*kv)]
		copy(s.q[i*q:(i+1)*q], row)
		copy(s.k[i*kv:(i+1)*kv], row[q:])
		copy(s.v[i*kv:(i+1)*kv], row[q+kv:])
	}
}

// grow returns a slice of n elements, s itself where it is large enough. New
// room is doubled, because caches grow by a few tokens at a time.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n, max(n, 2*cap(s)))
	}
	return s[:n]
}
