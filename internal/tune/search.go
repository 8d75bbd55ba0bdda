package tune

import (
	"context"
	"math"

	"gonum.org/v1/gonum/optimize"
)

// Bounds of parameters.
const (
	mostHalfLife = 4096
	leastFloor   = 1e-4
	leastSink    = 1e-5
	leastRecent  = 16
	mostRecent   = 1024
)

// factors are those by which the first candidates change half-life, floor, recent
// window and sink threshold: a unit of the search.
var factors = [...]float64{2, 2, 1 / 1.5, 2}

// moved returns the setting with its parameters changed by x units. Parameters stay
// within bounds, so that settings beyond are those at the bound.
func (t *tuner) moved(s Setting, x []float64) Setting {
	by := func(value float64, i int, low, high float64) float64 {
		return min(max(value*math.Pow(factors[i], x[i]), low), high)
	}
	longest := max(min(mostRecent, t.Context/4), leastRecent)
	s.HalfLife = 2 * int(math.Round(by(float64(s.HalfLife), 0, 2, mostHalfLife)/2))
	s.Floor = float32(by(float64(s.Floor), 1, leastFloor, 1))
	s.Recent = int(math.Round(by(float64(s.Recent), 2, leastRecent, float64(longest))))
	s.Sink = float32(by(float64(s.Sink), 3, leastSink, 1))
	return s
}

// The search ends when so many simplexes have brought so little.
const (
	idleSimplexes = 12
	leastGain     = .002
)

// search looks for the parameters of importance with the least objective, at the slope
// that start has, as long as there is room for measurements.
func (t *tuner) search(ctx context.Context, start Point) (best Point, converged bool, err error) {
	best = start
	if !t.allows() {
		return best, false, nil
	}
	status := func() (optimize.Status, error) {
		if err == nil && !t.allows() {
			return optimize.RuntimeLimit, nil
		}
		return optimize.NotTerminated, err
	}
	problem := optimize.Problem{Status: status, Func: func(x []float64) float64 {
		var p Point
		if over, failed := status(); over != optimize.NotTerminated || failed != nil {
			return math.Inf(1)
		}
		if p, err = t.at(ctx, t.moved(start.Setting, x)); err != nil {
			return math.Inf(1)
		}
		if t.objective(p) < t.objective(best) {
			best = p
		}
		return t.objective(p)
	}}
	found, failed := optimize.Minimize(problem, make([]float64, len(factors)), &optimize.Settings{
		InitValues: &optimize.Location{F: t.objective(start)},
		Converger:  &optimize.FunctionConverge{Absolute: leastGain, Iterations: idleSimplexes},
	}, &optimize.NelderMead{SimplexSize: 1})
	if err == nil {
		err = failed
	}
	return best, err == nil && found.Status != optimize.RuntimeLimit, err
}
