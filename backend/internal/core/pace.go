package core

import (
	"math"
	"math/bits"
	"time"
)

// Pace bounds the work of a submission by the time that work took so far.
type Pace struct {
	limit   time.Duration // of a submission; negative: none
	perUnit float64       // ns
	budget  int           // units of a submission: a power of two
}

// significant is the part of the limit or of the budget from which on a submission
// tells the pace: what smaller ones take does not grow with their work.
const significant = 8

// NewPace bounds submissions to a limit; negative: none. Until work was timed, a
// unit of it is taken to last perUnit ns.
func NewPace(limit time.Duration, perUnit float64) Pace {
	p := Pace{limit: limit, perUnit: perUnit, budget: math.MaxInt}
	p.settle()
	return p
}

// Budget are the units that a submission may have, at least one.
func (p *Pace) Budget() int { return p.budget }

// Tells tells whether a submission of so many units tells the pace, however short it is.
func (p *Pace) Tells(units int) bool { return p.limit >= 0 && units >= p.budget/significant }

// Add takes the time of a submission into account.
func (p *Pace) Add(units int, took time.Duration) {
	if p.limit < 0 || !p.Tells(units) && took < p.limit/significant {
		return
	}
	p.perUnit = (p.perUnit + float64(took)/float64(units)) / 2
	p.settle()
}

// settle keeps the budget between a quarter of what the limit allows and all of it,
// so that it changes only where the pace changed by a factor of two.
func (p *Pace) settle() {
	if p.limit < 0 {
		return
	}
	allowed := int(max(1, min(float64(p.limit)/p.perUnit, 1<<62)))
	if p.budget > allowed || p.budget < allowed/4 {
		p.budget = 1 << (bits.Len(uint(allowed)) - 1)
	}
}
