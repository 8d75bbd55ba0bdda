package attend

import (
	"math"
	"math/bits"
	"time"
)

// pace bounds the work of a submission by the time that work took so far. A unit
// of work is a query vector of a KV head that sees a token.
type pace struct {
	limit   time.Duration // of a submission; negative: none
	perUnit float64       // ns
	budget  int           // units of a submission: a power of two
}

// firstPace is the ns that a unit is taken to last for each element of a row until
// work was timed: as on two cores of a processor, the slowest there is.
const firstPace = 2.5

// significant is the part of the limit or of the budget from which on a submission
// tells the pace: what smaller ones take does not grow with their work.
const significant = 8

func newPace(limit time.Duration, headDim int) pace {
	p := pace{limit: limit, perUnit: firstPace * float64(headDim), budget: math.MaxInt}
	p.settle()
	return p
}

// add takes in a submission.
func (p *pace) add(units int, took time.Duration) {
	if p.limit < 0 || units < p.budget/significant && took < p.limit/significant {
		return
	}
	p.perUnit = (p.perUnit + float64(took)/float64(units)) / 2
	p.settle()
}

// settle keeps the budget between a quarter of what the limit allows and all of it,
// so that lists are recorded anew only where the pace changed by a factor of two.
func (p *pace) settle() {
	if p.limit < 0 {
		return
	}
	allowed := int(max(1, min(float64(p.limit)/p.perUnit, 1<<62)))
	if p.budget > allowed || p.budget < allowed/4 {
		p.budget = 1 << (bits.Len(uint(allowed)) - 1)
	}
}

// fit makes a batch of queries and KV heads, whose query vectors see stride tokens,
// one that the budget allows, as far as a query of a KV head is: fewer heads first,
// because fewer queries have pages read more often.
func (p *pace) fit(queries, heads, perHead, stride int) (int, int) {
	most := max(1, p.budget/(perHead*stride)) // queries of KV heads
	heads = max(1, min(heads, most/queries))
	return min(queries, most), heads
}

// split marks where submissions end: each has as many batches in a row as the
// budget allows.
func (r *call) split() {
	units := 0
	for i := range r.batches {
		n := r.unitsOf(r.batches[i])
		if i > 0 && units > r.pace.budget-n {
			r.batches[i-1].last, units = true, 0
		}
		units += n
	}
	r.batches[len(r.batches)-1].last = true
}

// unitsOf is the work of a batch. It does not change within its stride.
func (r *call) unitsOf(b batch) int {
	return b.queries * r.work.QueriesPerHead() * b.heads * b.stride
}
