package backend

import "fmt"

// Observe takes the attention probabilities of a layer, [queries][queryHeads]
// [tokens], of the newest queries tokens of the cache: query i belongs to token
// tokens-queries+i, and probabilities of later tokens are 0. The query heads of
// a KV head are consecutive, at most 32. Only the last Config.Queries queries are
// kept: for each token and KV head the largest probability, rounded up to four
// significant bits. Values that are no probabilities count as the nearest one,
// NaN as 0.
//
// It is for runtimes that compute attention themselves; Attend observes too.
// The error wraps ErrShape for other query heads or probabilities than that,
// ErrQueries for more queries than the layer has tokens, and ErrRange for a layer
// that there is not. Where the device failed in the call, the groups of the layer
// count as seen by too few queries until the call is repeated or as many as
// Config.Queries queries were observed anew.
func (s *Sequence) Observe(layer int, probs []float32, queries, queryHeads int) error {
	if err := s.idle(layer); err != nil {
		return err
	}
	defer s.c.span("observe")()
	tokens := s.layerTokens(layer)
	if err := s.c.checkObserved(layer, len(probs), queries, queryHeads, tokens); err != nil {
		return fmt.Errorf("backend: observe: %w", err)
	}
	if err := s.c.staging.Free(); err != nil { // the upload buffer is needed
		return err
	}
	return s.state.observe(layer, probs, queries, queryHeads, tokens)
}

// checkObserved refuses probabilities of another shape, and queries of no tokens.
func (c *Cache) checkObserved(layer, probs, queries, queryHeads, tokens int) error {
	heads := c.cfg.KVHeads
	switch {
	case queryHeads < 1 || queryHeads%heads != 0:
		return typed{fmt.Errorf("%d query heads: must be a multiple of the %d KV heads", queryHeads, heads), ErrShape}
	case queryHeads > maxPerHead*heads:
		return typed{fmt.Errorf("%d query heads of %d KV heads: limit %d for each", queryHeads, heads, maxPerHead), ErrShape}
	case queries < 1 || queries > tokens:
		return typed{fmt.Errorf("%d queries: layer %d holds %d tokens", queries, layer, tokens), ErrQueries}
	case probs != queries*queryHeads*tokens:
		return typed{fmt.Errorf("%d probabilities: %d queries, %d heads and %d tokens need %d",
			probs, queries, queryHeads, tokens, queries*queryHeads*tokens), ErrShape}
	}
	return nil
}
