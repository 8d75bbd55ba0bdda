package report

import "math"

// Growth is how memory grew with the tokens of a run, null where fewer than two
// numbers of tokens were sampled.
type Growth struct {
	LivePerToken float64  `json:"live_per_token"` // bytes: slope of the least-squares line through live
	R2           float64  `json:"r2"`             // 1: live lies on that line
	Samples      []Sample `json:"samples"`        // by tokens, evenly spread
}

// Sample are the bytes of a cache that holds so many tokens, as
// backend.Bytes counts them.
type Sample struct {
	Tokens    int   `json:"tokens"`
	F16       int64 `json:"f16"`
	Live      int64 `json:"live"`
	Committed int64 `json:"committed"`
	Host      int64 `json:"host"`
}

// NewGrowth fits a line to samples.
func NewGrowth(samples []Sample) *Growth {
	n := float64(len(samples))
	var tokens, live, tt, tl, ll float64
	for _, s := range samples {
		tokens += float64(s.Tokens) / n
		live += float64(s.Live) / n
	}
	for _, s := range samples {
		t, l := float64(s.Tokens)-tokens, float64(s.Live)-live
		tt, tl, ll = tt+t*t, tl+t*l, ll+l*l
	}
	if tt == 0 {
		return nil
	}
	g := &Growth{LivePerToken: Round(tl/tt, 3), R2: 1, Samples: samples}
	if ll > 0 {
		g.R2 = Round(tl*tl/(tt*ll), 6)
	}
	return g
}

// Round keeps so many digits behind the point.
func Round(x float64, digits int) float64 {
	unit := math.Pow10(digits)
	return math.Round(x*unit) / unit
}
