package tune

import (
	"cmp"
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// mostSteps bounds the measurements of one solution.
const mostSteps = 12

// first solves the slope of Start. The line has two points at least, far enough apart
// to tell how divergence and bits go with the slope: the second goes beyond the target
// for it, so that the third falls between.
func (t *tuner) first(ctx context.Context) ([]Point, error) {
	begin, err := t.at(ctx, t.Start.at(t.within(t.Start.logSlope())))
	if err != nil {
		return nil, err
	}
	line := []Point{begin}
	x := t.next(line)
	away := math.Copysign(max(math.Abs(x-begin.logSlope()), leastApart), x-begin.logSlope())
	if next := t.within(begin.logSlope() + away); next != begin.logSlope() {
		p, err := t.at(ctx, t.Start.at(next))
		if err != nil {
			return nil, err
		}
		line = append(line, p)
	}
	return t.solve(ctx, line)
}

// How far the logarithms of slopes should be apart to compare points, and how far they
// may be from the solution.
const (
	leastApart = .3
	mostApart  = 2
)

// apart is how far the slopes of points are apart.
func apart(line []Point) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range line {
		low, high = min(low, p.logSlope()), max(high, p.logSlope())
	}
	return high - low
}

// within keeps the logarithm of a slope to those that mean something.
func (t *tuner) within(x float64) float64 {
	return min(max(x, math.Log(float64(t.Slopes[0]))), math.Log(float64(t.Slopes[1])))
}

// solve adds points of other slopes until one meets the target.
func (t *tuner) solve(ctx context.Context, line []Point) ([]Point, error) {
	for range mostSteps {
		if t.Target.Met(t.nearest(line).Figures) {
			break
		}
		next := line[0].at(t.next(line))
		p, err := t.at(ctx, next)
		if err != nil {
			return nil, err
		}
		if i := indexOf(line, p); i >= 0 { // no slope is left between
			return line, t.missed(ctx, line, p)
		}
		line = append(line, p)
	}
	return line, nil
}

func indexOf(line []Point, p Point) int {
	for i := range line {
		if line[i] == p {
			return i
		}
	}
	return -1
}

// missed is the error where all points lie on one side of the target; p is the end of
// the slopes on that side.
func (t *tuner) missed(ctx context.Context, line []Point, p Point) error {
	if below, above := t.bracket(line); below != nil && above != nil {
		return nil // the target falls into a step between two slopes
	}
	end := t.Slopes[0]
	if t.Target.off(p.Figures) > 0 {
		end = t.Slopes[1]
	}
	other, err := t.at(ctx, p.at(math.Log(float64(end))))
	if err != nil {
		return err
	}
	return t.Target.outOfReach(p.Figures, other.Figures)
}

// bracket returns the points below and above the target between which the least slope lies
// that passes it: next to each other by slope, because far from the target figures need not
// go with the slope.
func (t *tuner) bracket(line []Point) (below, above *Point) {
	bySlope := slices.Clone(line)
	slices.SortStableFunc(bySlope, func(a, b Point) int { return cmp.Compare(a.logSlope(), b.logSlope()) })
	for i := range bySlope {
		p := &bySlope[i]
		if t.Target.off(p.Figures) < 0 {
			below = p
			continue
		}
		if above = p; below != nil {
			break
		}
	}
	return below, above
}

// next is the logarithm of the slope to try: between two points around the target, else
// beyond the nearest.
func (t *tuner) next(line []Point) float64 {
	below, above := t.bracket(line)
	if below == nil || above == nil {
		return t.beyond(line)
	}
	low, high := t.Target.off(below.Figures), t.Target.off(above.Figures)
	share := min(max(-low/(high-low), .05), .95)
	return below.logSlope() + share*(above.logSlope()-below.logSlope())
}

// beyond goes along the line through the two nearest points, or with the rise that is
// known where there is one.
func (t *tuner) beyond(line []Point) float64 {
	byOff := slices.Clone(line)
	slices.SortStableFunc(byOff, func(a, b Point) int {
		return cmp.Compare(math.Abs(t.Target.off(a.Figures)), math.Abs(t.Target.off(b.Figures)))
	})
	nearest, rise := byOff[0], t.rise
	if len(byOff) > 1 {
		second := byOff[1]
		secant := (t.Target.off(nearest.Figures) - t.Target.off(second.Figures)) / (nearest.logSlope() - second.logSlope())
		rise = min(max(secant, rise/16), 4*rise)
	}
	return t.within(nearest.logSlope() - t.Target.off(nearest.Figures)/rise)
}

// nearest is the point to take: of those that keep to the target the nearest to it, or
// where none does, the nearest.
func (t *tuner) nearest(line []Point) Point {
	best := line[0]
	for _, p := range line[1:] {
		kept, better := t.Target.Kept(p.Figures), math.Abs(t.Target.off(p.Figures)) < math.Abs(t.Target.off(best.Figures))
		if bestKept := t.Target.Kept(best.Figures); kept && !bestKept || kept == bestKept && better {
			best = p
		}
	}
	return best
}

// Rates of ln KLD a bit that are believed, and the one that is taken otherwise: a bit
// more quarters a squared error.
const (
	leastRate = .2
	mostRate  = 10
	idealRate = 2 * math.Ln2
)

// fit takes from points of several slopes how divergence goes with bits, and what the
// target bounds with the slope: least-squares lines through those near the solution.
func (t *tuner) fit(line []Point) {
	x := t.nearest(line).logSlope()
	near := slices.DeleteFunc(slices.Clone(line), func(p Point) bool { return math.Abs(p.logSlope()-x) > mostApart })
	if apart(near) < leastApart/2 {
		near = line
	}
	var slopes, offs, bits, klds []float64
	for _, p := range near {
		slopes, offs = append(slopes, p.logSlope()), append(offs, t.Target.off(p.Figures))
		bits, klds = append(bits, p.totalBits(textContexts*t.Context)), append(klds, p.logKLD())
	}
	if _, rise := stat.LinearRegression(slopes, offs, nil, false); rise > t.rise/16 && rise < 16*t.rise {
		t.rise = rise
	}
	t.rate = idealRate
	if _, rate := stat.LinearRegression(bits, klds, nil, false); -rate >= leastRate && -rate <= mostRate {
		t.rate = -rate
	}
}
