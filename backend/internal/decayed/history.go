package decayed

import "github.com/qaqvk/qaqvk/shaders"

// history is what the host knows of the importance of a layer.
type history struct {
	queries   int     // counted so far; those that a rollback dropped count too
	block     int     // newest block of queries that importance was decayed to
	old       int     // tokens that have importance, from the first on
	effective float64 // the queries, each at what is left of its squares
	saw       []int   // tokens that each of the newest queries saw, rising
}

// span is queries of a call, first and up to, that lie in one block.
type span struct{ first, end, block int }

// spans are the blocks of the next queries.
func (h *history) spans(block, queries int) (list []span) {
	for q := 0; q < queries; {
		n := (h.queries + q) / block
		end := min(queries, (n+1)*block-h.queries)
		list = append(list, span{q, end, n})
		q = end
	}
	return list
}

// newest is the block of the last of the next queries, which are one or more.
func (h *history) newest(block, queries int) int { return (h.queries + queries - 1) / block }

// add counts queries, which are those of the newest of so many tokens.
func (h *history) add(block, queries, tokens, needed int) {
	if queries == 0 {
		return
	}
	newest := h.newest(block, queries)
	h.effective *= shaders.DecayShare(newest - h.block)
	for _, s := range h.spans(block, queries) {
		weight := float64(s.end-s.first) * shaders.DecayShare(newest-s.block)
		h.effective += weight
	}
	for i := max(0, queries-needed); i < queries; i++ {
		h.saw = append(h.saw, tokens-queries+i+1)
	}
	h.saw = h.saw[max(0, len(h.saw)-needed):]
	h.queries, h.block, h.old = h.queries+queries, newest, max(h.old, tokens)
}

// lose says that importance may be anything: the next queries decay it to nothing.
func (h *history) lose(block int) {
	const all = 64 // blocks after which nothing is left
	h.queries, h.effective, h.saw = h.queries+all*block, 0, nil
}

// forget drops the tokens from the given number on.
func (h *history) forget(tokens int) {
	h.old = min(h.old, tokens)
	for i, saw := range h.saw {
		h.saw[i] = min(saw, tokens)
	}
}

// seen is how many tokens the last queries all saw; 0 where there were fewer.
func (h *history) seen(needed int) int {
	if len(h.saw) < needed {
		return 0
	}
	return min(h.saw[0], h.old)
}
