package eval

// Tally is the accuracy of a method over tasks. Intervals are half the width of
// the 95 % confidence interval.
type Tally struct {
	N         int      `json:"n"`
	Acc       float64  `json:"acc"` // by log-likelihood
	AccCI     float64  `json:"acc_ci"`
	AccNorm   *float64 `json:"acc_norm"` // by log-likelihood a byte of the ending
	AccNormCI *float64 `json:"acc_norm_ci"`
	Delta     float64  `json:"delta"` // acc less that of f16, over the same tasks
	CI        float64  `json:"ci"`    // of delta
	DeltaNorm *float64 `json:"delta_norm"`
	CINorm    *float64 `json:"ci_norm"`

	// Of needles: the log-probability of the answers, and less that of f16.
	LogP        *float64 `json:"log_p,omitempty"`
	LogPCI      *float64 `json:"log_p_ci,omitempty"`
	LogPDelta   *float64 `json:"log_p_delta,omitempty"`
	LogPDeltaCI *float64 `json:"log_p_delta_ci,omitempty"`
	Depths      []Depth  `json:"depths,omitempty"`
}

// answers fills in a tally, and the sizes where no text was read.
func (r *Row) answers(t *Tasks, answers, reference []Answer) {
	var plain, norm, plainDelta, normDelta []float64
	var size Size
	for i, q := range t.Questions {
		a, b := answers[i].right(q), reference[i].right(q)
		plain, norm = append(plain, a[0]), append(norm, a[1])
		plainDelta, normDelta = append(plainDelta, a[0]-b[0]), append(normDelta, a[1]-b[1])
		size.add(answers[i].Size)
		r.Seconds += answers[i].Seconds
	}
	if r.PPL == nil {
		r.size(size)
	}
	r.Tasks[t.Name] = Tally{N: len(plain), Acc: mean(plain), AccCI: halfWidth(plain), AccNorm: ptr(mean(norm)), AccNormCI: ptr(halfWidth(norm)),
		Delta: mean(plainDelta), CI: halfWidth(plainDelta), DeltaNorm: ptr(mean(normDelta)), CINorm: ptr(halfWidth(normDelta))}
}

// right is 1 where the right ending is the likeliest, 0 where not: plainly, and a
// byte.
func (a Answer) right(q Question) (right [2]float64) {
	best := [2]int{}
	for i, l := range a.LogLikelihood {
		if l > a.LogLikelihood[best[0]] {
			best[0] = i
		}
		if o := best[1]; l/float64(len(q.Endings[i])) > a.LogLikelihood[o]/float64(len(q.Endings[o])) {
			best[1] = i
		}
	}
	for k, i := range best {
		if i == q.Label {
			right[k] = 1
		}
	}
	return right
}
