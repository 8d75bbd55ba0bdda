package cpuref

// scoreTiles are scores or probabilities, [KV head][tile][stride][queries]; the
// place of a token is its number, counted from the frame's base.
type scoreTiles struct {
	words  []uint32
	tiles  tiles
	stride uint64
}

// openScores returns the scores of so many KV heads, of which tokens
// base..end-1 are used.
func openScores(scores buffer, f frame, t tiles, heads uint64, stride uint32, end uint64) (scoreTiles, error) {
	s := scoreTiles{nil, t, uint64(stride)}
	n := heads * t.perHead
	if n == 0 || end <= f.base {
		return s, nil
	}
	used := end - f.base
	if used > s.stride {
		return s, argument(scores.kernel, "room for scores of %d tokens: there are %d", stride, used)
	}
	last, ok := product(n-1, s.stride, t.queries)
	if !ok {
		last = 1 << 62
	}
	words, err := scores.span(0, last+used*t.queries)
	s.words = words
	return s, err
}

// tile returns the word where a token's scores begin in tile n of all.
func (s scoreTiles) tile(n, place uint64) uint64 {
	return (n*s.stride + place) * s.tiles.queries
}

// at returns the word of vector v of KV head h. Those of the next tokens follow
// tiles.queries words apart.
func (s scoreTiles) at(h, v, place uint64) uint64 {
	return s.tile(h*s.tiles.perHead+v/s.tiles.queries, place) + v%s.tiles.queries
}
