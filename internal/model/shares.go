package model

// Sharer computes how much attention the tokens of a window got, from queries and keys
// that something else than a Differentiator computed. Its zero value is ready.
type Sharer struct{ attend headGradients }

// Shares tells what Differentiator.Attended is told, of a layer of any number: q is
// [n][QueryHeads][D], k [n][KVHeads][D], both after RoPE. Of c, heads and their size count.
func (s *Sharer) Shares(c Config, a Attention, q, k []float32, attended func(shares []float32)) {
	g, n := &s.attend, len(q)/(c.QueryHeads*c.HeadDim)
	g.attention = attention{Config: c, options: a, q: q, k: k, n: n, tokens: n}
	if len(g.heads) != c.QueryHeads {
		g.heads = make([]headScratch, c.QueryHeads)
	}
	g.forward(nil, true)
	g.tell(0, func(_ int, shares []float32) { attended(shares) })
	g.q, g.k = nil, nil
}
