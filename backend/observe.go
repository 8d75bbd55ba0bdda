package backend

import "fmt"

// Observe takes the attention probabilities of a layer, [queries][queryHeads]
// [tokens], of the newest queries tokens of the cache: query i belongs to token
// tokens-queries+i, and probabilities of later tokens are 0. The query heads of
// a KV head are consecutive, at most 32. Only the last Config.Queries queries are kept:
// for each token and KV head the largest probability, rounded up to four
// significant bits. Values that are no probabilities count as the nearest one,
// NaN as 0.
//
// It is for runtimes that compute attention themselves; Attend observes too.
// After an error, until the call is repeated, the groups of the layer count as
// seen by too few queries.
func (s *Sequence) Observe(layer int, probs []float32, queries, queryHeads int) error {
	if err := s.usable(layer); err != nil {
		return err
	}
	defer s.c.span("observe")()
	tokens := s.layerTokens(layer)
	switch {
	case queryHeads < 1 || queryHeads%s.c.cfg.KVHeads != 0:
		return fmt.Errorf("backend: observe: %d query heads: must be a multiple of the %d KV heads", queryHeads, s.c.cfg.KVHeads)
	case queryHeads > maxPerHead*s.c.cfg.KVHeads:
		return fmt.Errorf("backend: observe: %d query heads of %d KV heads: limit %d for each", queryHeads, s.c.cfg.KVHeads, maxPerHead)
	case queries < 1 || queries > tokens:
		return fmt.Errorf("backend: observe: %d queries: layer %d holds %d tokens", queries, layer, tokens)
	case len(probs) != queries*queryHeads*tokens:
		return fmt.Errorf("backend: observe: %d probabilities: %d queries, %d heads and %d tokens need %d",
			len(probs), queries, queryHeads, tokens, queries*queryHeads*tokens)
	}
	if err := s.c.staging.Free(); err != nil { // the upload buffer is needed
		return err
	}
	return s.importance.Observe(layer, probs, queries, queryHeads, tokens)
}
