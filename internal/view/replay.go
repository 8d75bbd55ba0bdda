package view

import (
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// Replay is a Source that is a recording. It is for one goroutine at a time.
type Replay struct {
	of     *recording.Recording
	now    func() time.Time
	last   time.Time // of the last Poll
	micros float64   // where it is in the recording
	given  int       // steps that the view has
	want   int       // steps that it is to have, where that is not what the time says
	reset  bool
	paused bool
	speed  float64
}

// NewReplay makes one, which begins at its beginning; now is the clock.
func NewReplay(r *recording.Recording, now func() time.Time) *Replay {
	return &Replay{of: r, now: now, last: now(), speed: 1, reset: true}
}

// Poll implements Source.
func (r *Replay) Poll() Update {
	now := r.now()
	if !r.paused && r.given < len(r.of.Steps) {
		r.micros += r.speed * float64(now.Sub(r.last).Microseconds())
		r.want = r.given
		for r.want < len(r.of.Steps) && float64(r.of.Steps[r.want].Micros) <= r.micros {
			r.want++
		}
	}
	r.last = now
	u := Update{Header: &r.of.Header, Reset: r.reset || r.want < r.given}
	if u.Reset {
		r.given = 0
	}
	u.Steps = r.of.Steps[r.given:r.want]
	if r.given, r.reset = r.want, false; r.given == len(r.of.Steps) {
		u.End = r.of.End
	}
	return u
}

// Next is when there is something new; ok: there will be.
func (r *Replay) Next() (wait time.Duration, ok bool) {
	if r.paused || r.given >= len(r.of.Steps) {
		return 0, false
	}
	return time.Duration(max(0, float64(r.of.Steps[r.given].Micros)-r.micros)/r.speed) * time.Microsecond, true
}

// Pause implements Source.
func (r *Replay) Pause(paused bool) { r.paused = paused }

// Skip implements Source. Steps are those of the recording.
func (r *Replay) Skip(steps int) {
	r.paused = true
	r.jump(r.given + steps)
}

// Rewind implements Source.
func (r *Replay) Rewind(end bool) {
	if end {
		r.jump(len(r.of.Steps))
	} else {
		r.jump(0)
	}
}

// jump goes to where so many steps are done.
func (r *Replay) jump(steps int) {
	r.want = min(max(steps, 0), len(r.of.Steps))
	r.micros = 0
	if r.want > 0 {
		r.micros = float64(r.of.Steps[r.want-1].Micros)
	}
}

// Bounds of the speed of a replay.
const slowest, fastest = 1.0 / 16, 64

// Faster implements Source.
func (r *Replay) Faster(factor float64) { r.speed = min(max(r.speed*factor, slowest), fastest) }

// Retarget implements Source: what was recorded stays.
func (r *Replay) Retarget(recording.Target) {}

// Status implements Source.
func (r *Replay) Status() Status {
	s := Status{Doing: fmt.Sprintf("replay, %g times", r.speed), Paused: r.paused, Fixed: true, Speed: r.speed}
	switch {
	case r.given == len(r.of.Steps):
		s.Doing, s.Paused = "end of the recording", false
	case r.paused:
		s.Doing = "replay, paused"
	}
	return s
}
