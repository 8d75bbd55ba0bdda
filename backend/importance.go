package backend

import (
	"fmt"
	"math"
	"slices"
)

// importance keeps the last n attention rows of each scope (what shares a bit
// width: a KV head, a layer or the token) and gives the exact maximum over them.
type importance struct {
	n        int
	heads    int  // KV heads of a layer
	scopes   int  // scopes of a layer: KV heads at level head, else 1
	shared   bool // level token: one scope for all layers
	capacity int
	queries  []int    // queries observed, by layer
	rows     []window // by scope
}

// window holds n rows; query q lies in row q%n.
type window struct {
	query   []int // the query that a row holds, -1: none
	visible []int // tokens that the row's query could see
	rows    [][]float32
}

func newImportance(c Config) *importance {
	m := &importance{n: c.Window, heads: c.KVHeads, scopes: 1, shared: c.Level == LevelToken, capacity: c.Capacity}
	if c.Level == LevelHead {
		m.scopes = c.KVHeads
	}
	m.queries = make([]int, c.Layers)
	count := c.Layers * m.scopes
	if m.shared {
		count = 1
	}
	m.rows = make([]window, count)
	for i := range m.rows {
		m.rows[i] = window{query: slices.Repeat([]int{-1}, m.n), visible: make([]int, m.n), rows: make([][]float32, m.n)}
	}
	return m
}

// scope is the window of a scope of a layer.
func (m *importance) scope(layer, s int) *window {
	if m.shared {
		return &m.rows[0]
	}
	return &m.rows[layer*m.scopes+s]
}

// observe takes attention rows [queries][queryHeads][tokens] of a layer. The
// queries belong to the newest tokens, in order: query i sees the tokens up to
// tokens-queries+i.
func (m *importance) observe(layer int, probs []float32, queries, queryHeads, tokens int) {
	first := max(0, queries-m.n) // earlier rows would be pushed out again
	for i := first; i < queries; i++ {
		q := m.queries[layer] + i
		for h := range queryHeads {
			w := m.scope(layer, h*m.scopes/queryHeads)
			at := (i*queryHeads + h) * tokens
			w.add(q, m.n, tokens-queries+i+1, probs[at:at+tokens])
		}
	}
	m.queries[layer] += queries
}

// add joins a row of a query to what other heads and layers gave for it.
func (w *window) add(q, n, visible int, probs []float32) {
	r := q % n
	if w.query[r] > q {
		return // a layer that lags behind: the row has left the window
	}
	if w.query[r] < q {
		w.query[r], w.visible[r] = q, visible
		w.rows[r] = w.rows[r][:0]
	}
	old := len(w.rows[r])
	w.rows[r] = append(w.rows[r], probs[min(old, len(probs)):]...)
	for t, p := range probs[:min(old, len(probs))] {
		if p > w.rows[r][t] {
			w.rows[r][t] = p
		}
	}
}

// fill sets out[t] to the importance of token t: its largest probability in the
// last n queries, or -1 if not all of them saw it.
func (w *window) fill(out []float32) {
	seen := len(out)
	for r, q := range w.query {
		if q < 0 {
			seen = 0
			break
		}
		seen = min(seen, w.visible[r], len(w.rows[r]))
	}
	copy(out[:seen], w.rows[0])
	for _, row := range w.rows[1:] {
		for t, p := range row[:seen] {
			if p > out[t] {
				out[t] = p
			}
		}
	}
	fill(out[seen:], -1)
}

// bytes are the host bytes of the kept rows.
func (m *importance) bytes() int64 {
	var n int64
	for _, w := range m.rows {
		for _, r := range w.rows {
			n += 4 * int64(cap(r))
		}
	}
	return n
}

// Observe takes the attention probabilities of a layer, [queries][queryHeads]
// [tokens], of the newest queries tokens of the cache: query i belongs to token
// tokens-queries+i, and probabilities of later tokens are 0. The query heads of
// a KV head are consecutive. Only the last Window queries are kept.
func (s *Sequence) Observe(layer int, probs []float32, queries, queryHeads int) error {
	if err := s.usable(layer); err != nil {
		return err
	}
	tokens := s.tokens + s.pending[layer]
	switch {
	case queryHeads < 1 || queryHeads%s.c.cfg.KVHeads != 0:
		return fmt.Errorf("backend: observe: %d query heads: must be a multiple of the %d KV heads", queryHeads, s.c.cfg.KVHeads)
	case queries < 1 || queries > tokens:
		return fmt.Errorf("backend: observe: %d queries: layer %d holds %d tokens", queries, layer, tokens)
	case len(probs) != queries*queryHeads*tokens:
		return fmt.Errorf("backend: observe: %d probabilities: %d queries, %d heads and %d tokens need %d",
			len(probs), queries, queryHeads, tokens, queries*queryHeads*tokens)
	}
	s.importance.observe(layer, probs, queries, queryHeads, tokens)
	return nil
}

// clone is a copy that goes its own way.
func (m *importance) clone() *importance {
	n := *m
	n.queries, n.rows = slices.Clone(m.queries), slices.Clone(m.rows)
	for i, w := range m.rows {
		n.rows[i] = window{slices.Clone(w.query), slices.Clone(w.visible), slices.Clone(w.rows)}
		for r := range w.rows {
			n.rows[i].rows[r] = slices.Clone(w.rows[r])
		}
	}
	return &n
}

// forget drops, of each layer, the first query that saw more than the given
// tokens and all after it; the next one observed takes its number.
func (m *importance) forget(tokens int) {
	for layer := range m.queries {
		first := math.MaxInt
		for s := range m.scopes {
			first = min(first, m.scope(layer, s).forget(tokens))
		}
		for other := range m.queries {
			if other == layer || m.shared { // layers of one scope number queries alike
				m.queries[other] = min(m.queries[other], first)
			}
		}
	}
}

// forget empties the rows of the first query that saw more than the given
// tokens and of all after it, and returns that query.
func (w *window) forget(tokens int) int {
	first := math.MaxInt
	for r, q := range w.query {
		if q >= 0 && w.visible[r] > tokens {
			first = min(first, q)
		}
	}
	for r, q := range w.query {
		if q >= first {
			w.query[r] = -1
		}
	}
	return first
}
