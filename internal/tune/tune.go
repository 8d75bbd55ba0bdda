package tune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Measure measures a setting. Equal settings must give equal figures.
type Measure func(ctx context.Context, s Setting) (Figures, error)

// Options say what to tune, and for how long.
type Options struct {
	Start   Setting
	Slopes  [2]float32 // the least and the largest that mean something: Reach
	Target  Target
	Context int // tokens of the texts that are measured
	// Measurements and Time bound the search. The slope is solved before and after it,
	// whatever that takes.
	Measurements int // 0: as many as there is time for
	Time         time.Duration
	Now          func() time.Time // nil: time.Now
}

// Result is what a run found.
type Result struct {
	Solved    Point   // Start with the slope that meets the target
	Tuned     Point   // the best setting that meets the target
	Points    []Point // all measurements in order
	Rate      float64 // what a bit an element is worth, in units of ln KLD
	Converged bool    // the search came to an end before time or measurements did
}

// Run tunes. Errors wrap ErrTarget where no slope meets the target.
func Run(ctx context.Context, o Options, measure Measure) (*Result, error) {
	t := &tuner{Options: o, measure: measure, limit: newLimit(o), rise: o.Target.rise()}
	line, err := t.first(ctx)
	if err != nil {
		return nil, err
	}
	r := &Result{Solved: t.nearest(line)}
	t.fit(line)
	best, converged, err := t.search(ctx, r.Solved)
	if err != nil {
		return nil, err
	}
	if r.Tuned, err = t.again(ctx, r.Solved, best); err != nil {
		return nil, err
	}
	r.Points, r.Rate, r.Converged = t.points, t.rate, converged
	return r, nil
}

// tuner is a run.
type tuner struct {
	Options
	*limit
	measure Measure
	points  []Point
	rise    float64 // of the logarithm of what the target bounds, with that of the slope
	rate    float64
}

// at measures a setting, unless it has been.
func (t *tuner) at(ctx context.Context, s Setting) (Point, error) {
	for _, p := range t.points {
		if p.Setting == s {
			return p, nil
		}
	}
	began := t.now()
	f, err := t.measure(ctx, s)
	if err != nil {
		return Point{}, err
	}
	if !(f.KLD >= 0 && f.Bits > 0) || math.IsInf(f.KLD+f.Bits, 0) {
		return Point{}, fmt.Errorf("tune: %s: KL divergence %v at %v bits: no numbers to go by", s, f.KLD, f.Bits)
	}
	t.count(began)
	p := Point{s, f}
	t.points = append(t.points, p)
	return p, nil
}

// textContexts is how many times as long as the contexts that are measured the text is
// that has to carry the bytes of a recent window.
const textContexts = 4

// objective is lower for a better point; the slope hardly moves it.
func (t *tuner) objective(p Point) float64 {
	return p.logKLD() + t.rate*p.totalBits(textContexts*t.Context)
}

// again solves the slope of the best setting. Where that is in vain or no better, what
// the slope alone gave is returned.
func (t *tuner) again(ctx context.Context, solved, best Point) (Point, error) {
	if best == solved {
		return solved, nil
	}
	line, err := t.solve(ctx, []Point{best})
	if errors.Is(err, ErrTarget) {
		return solved, nil
	}
	if err != nil {
		return Point{}, err
	}
	tuned := t.nearest(line)
	if t.Target.Kept(tuned.Figures) && (!t.Target.Kept(solved.Figures) || t.objective(tuned) < t.objective(solved)) {
		return tuned, nil
	}
	return solved, nil
}
