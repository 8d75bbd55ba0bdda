package htmlreport

import (
	"fmt"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// measured is a recording that was gone through.
type measured struct {
	*recording.State
	bits [2][]float64 // by kind: mean code of plain groups after each step
}

// measure applies all steps.
func measure(r *recording.Recording) (*measured, error) {
	m := &measured{State: recording.NewState(&r.Header)}
	for _, step := range r.Steps {
		if err := m.Apply(step); err != nil {
			return nil, fmt.Errorf("htmlreport: %w: %w", err, recording.ErrDamaged)
		}
		for k := range m.bits {
			m.bits[k] = append(m.bits[k], meanCode(m.Histogram[k]))
		}
	}
	if len(m.Tokens) == 0 {
		return nil, fmt.Errorf("htmlreport: the recording has no tokens: %w", recording.ErrTruncated)
	}
	return m, nil
}

// meanCode is that of the groups that are neither raw nor evicted.
func meanCode(h [recording.Codes]int64) float64 {
	var sum, n int64
	for c, groups := range h[:recording.Evicted] {
		sum += int64(c) * groups
		n += groups
	}
	return float64(sum) / float64(max(1, n))
}

// codeName is level or bits.
func (m *measured) codeName() string {
	if m.Levels {
		return "level"
	}
	return "bits"
}

// mostCode is the last code of the scale.
func mostCode(h *recording.Header) int {
	if h.Levels {
		return 9
	}
	return 8
}
