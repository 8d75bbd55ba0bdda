package backend

import (
	"math"

	"github.com/stretchr/testify/require"
)

// queries are elements of n queries.
func (s *sequence) queries(n int) []float32 {
	q := make([]float32, n*s.cfg.QueryHeads*s.cfg.HeadDim)
	for i := range q {
		q[i] = float32(s.rng.NormFloat64())
	}
	return q
}

// attend returns the attention of queries as f32.
func (s *sequence) attend(layer int, q []float32, o AttendOptions) []float32 {
	out := make([]float32, len(q))
	require.NoError(s.t, s.seq.Attend(s.t.Context(), layer, RowsF32(q), RowsF32(out), o))
	return out
}

// exactAttention is attention in float64 over what Read returns, evicted tokens
// left out.
func (s *sequence) exactAttention(layer int, q []float32, o AttendOptions) []float64 {
	tokens := s.tokens(layer)
	size := tokens * s.cfg.KVHeads * s.cfg.HeadDim
	k, v := make([]float32, size), make([]float32, size)
	_, err := s.seq.Read(layer, RowsF32(k), RowsF32(v))
	require.NoError(s.t, err)
	evicted, err := s.seq.Evicted(layer)
	require.NoError(s.t, err)
	d, g := s.cfg.HeadDim, s.c.work.QueriesPerHead()
	out := make([]float64, len(q))
	n := len(q) / d / s.cfg.QueryHeads
	for row := range len(q) / d {
		i, h := row/s.cfg.QueryHeads, row%s.cfg.QueryHeads/g
		at := func(t int) int { return (t*s.cfg.KVHeads + h) * d }
		exactRow(q[row*d:][:d], k, v, at, func(t int) bool { return evicted[t*s.cfg.KVHeads+h] }, tokens-n+i, o, out[row*d:][:d])
	}
	return out
}

// exactRow is attention of one query at token last; at gives the place of a
// token's row, evicted tells of tokens that are out. It returns the probabilities.
func exactRow(q, k, v []float32, at func(int) int, evicted func(int) bool, last int, o AttendOptions, out []float64) []float64 {
	first := 0
	if o.Window > 0 {
		first = max(0, last-o.Window+1)
	}
	scale := float64(o.Scale)
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(len(q)))
	}
	scores, most := make([]float64, last+1), math.Inf(-1)
	for t := first; t <= last; t++ {
		for e, x := range q {
			scores[t] += float64(x) * scale * float64(k[at(t)+e])
		}
		if c := float64(o.SoftCap); c > 0 {
			scores[t] = c * math.Tanh(scores[t]/c)
		}
		if evicted(t) {
			scores[t] = math.Inf(-1)
		}
		most = math.Max(most, scores[t])
	}
	sum := 0.0
	for t := first; t <= last; t++ {
		scores[t] = math.Exp(scores[t] - most)
		sum += scores[t]
	}
	for t := range scores {
		scores[t] /= sum // tokens that are not seen have 0
		for e := range out {
			out[e] += scores[t] * float64(v[at(t)+e])
		}
	}
	return scores
}

// relative is the norm of the difference over the norm.
func relative(got []float32, want []float64) float64 {
	var d, n float64
	for i := range want {
		d += (float64(got[i]) - want[i]) * (float64(got[i]) - want[i])
		n += want[i] * want[i]
	}
	return math.Sqrt(d / n)
}
