package reference

import "math"

// Pinned is the importance of groups that keep the most bits: those of the
// newest n-1 tokens, which have had fewer than n attention rows.
const Pinned = -1

// Limit returns c of the rule R*w <= c*(2^b - 1): twice the tolerated half
// step e of the authors' code, which is sqrt(12/T)*err (over S_t, which is w
// here) for values and sqrt(12/q_norm * ln(T^3/(T-1)*err^2 + 1)) for keys,
// with T the number of tokens.
func (c *Case) Limit() float32 {
	p, t := c.Parameters, float64(c.Tokens)
	if p.Side == "value" {
		return float32(2 * math.Sqrt(12/t) * p.Error)
	}
	return float32(2 * math.Sqrt(12/p.QueryNorm*math.Log(t*t*t/(t-1)*p.Error*p.Error+1)))
}

// Importance returns w of every group: for values the largest attention that
// its token got in the last n rows, over the group's heads; for keys 1, since
// their limit does not depend on attention. The newest n-1 tokens are Pinned.
func (c *Case) Importance() []float32 {
	out := make([]float32, c.Groups())
	per := c.GroupsPerToken()
	for g := range out {
		token, i := g/per, g%per
		switch {
		case token > c.Tokens-c.Parameters.Window:
			out[g] = Pinned
		case c.Parameters.Side == "key":
			out[g] = 1
		default:
			out[g] = c.largest(token, i)
		}
	}
	return out
}

// largest returns the importance of the i-th group of a token.
func (c *Case) largest(token, i int) (s float32) {
	heads := c.Layers * c.Heads / c.GroupsPerToken()
	for head := i * heads; head < (i+1)*heads; head++ {
		for query := c.Tokens - c.Parameters.Window; query < c.Tokens; query++ {
			s = max(s, c.Attention[(head*c.Tokens+query)*c.Tokens+token])
		}
	}
	return s
}
