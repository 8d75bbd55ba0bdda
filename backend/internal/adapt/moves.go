package adapt

import "time"

// Moves count groups whose bits changed after they were stored, and what that
// took.
type Moves struct {
	Demoted   int64 `json:"demoted"`
	Promoted  int64 `json:"promoted"`
	Missed    int64 `json:"missed"`     // should have been promoted, but the host has no rows of them
	BytesUp   int64 `json:"bytes_up"`   // to the device: plans and what promotions lack
	BytesDown int64 `json:"bytes_down"` // to the host: chosen bits and ranges
	LateSteps int64 `json:"late_steps"` // steps that promoted groups were used with the bits they had, summed over groups
	LateMax   int64 `json:"late_max"`   // the most of a group
}

// Add adds other moves.
func (m *Moves) Add(n Moves) {
	m.Demoted += n.Demoted
	m.Promoted += n.Promoted
	m.Missed += n.Missed
	m.BytesUp += n.BytesUp
	m.BytesDown += n.BytesDown
	m.LateSteps += n.LateSteps
	m.LateMax = max(m.LateMax, n.LateMax)
}

// Batches count batches, and what of their time went on while the caller worked.
type Batches struct {
	Batches    int64         `json:"batches"`
	Overlapped int64         `json:"overlapped"` // of them, those that a later step found ready
	Time       time.Duration `json:"time_ns"`    // from the choice of bits until the batch was ready
	Host       time.Duration `json:"host_ns"`    // of that, the host's work: comparing, and preparing what promotions lack
	Waited     time.Duration `json:"waited_ns"`  // of Time, what calls waited for
}
