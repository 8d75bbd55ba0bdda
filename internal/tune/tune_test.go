package tune

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// start is the setting that tests begin with.
var start = Setting{Slope: .03, HalfLife: 64, Floor: .1, Sink: .04, Recent: 64}

// Contexts that are measured, and the text that the recent window is a part of.
const (
	context1k = 1024
	text4k    = 4096
)

// analytic is a cache of formulas: 2 bits and a divergence of .01 at the slope .01; a
// half-life of 256, a floor of .05 and sinks of .01 give the least divergence, which goes with the
// recent window to the power of −.3; sinks of half the threshold cost a twentieth of a bit.
func analytic(_ context.Context, s Setting) (Figures, error) {
	slope := math.Log(float64(s.Slope) / .01)
	apart := math.Pow(math.Log2(float64(s.HalfLife)/256), 2) + math.Pow(math.Log2(float64(s.Floor)/.05), 2) + math.Pow(math.Log2(float64(s.Sink)/.01), 2)
	bits := min(max(2-.45*slope/math.Ln2, .25), 8) - .05*math.Log2(float64(s.Sink)/.04)
	return Figures{KLD: .01 * math.Exp(.6*max(slope, -9.3)+.05*apart) * math.Pow(64/float64(s.Recent), .3), Bits: bits}, nil
}

// analyticRate is the exact rate at a window of 64.
const analyticRate = .6 * math.Ln2 / .45 / (1 - 64./text4k)

func options(target Target) Options {
	return Options{Start: start, Slopes: [2]float32{1e-8, 1e3}, Target: target, Context: context1k, Time: time.Hour}
}

// Where much is kept divergence is level, and where next to nothing is it falls with the slope.
func TestSlopeIsSolvedWhereFiguresTurn(t *testing.T) {
	o := options(Target{KLD: .05})
	o.Measurements, o.Start.Slope = 1, 1e-6
	r, err := Run(t.Context(), o, func(ctx context.Context, s Setting) (Figures, error) {
		f, err := analytic(ctx, s)
		f.KLD = max(f.KLD, .02)
		if s.Slope > .2 {
			f.KLD = .3 - .01*math.Log(float64(s.Slope)/.2)
		}
		return f, err
	})
	require.NoError(t, err)
	assert.True(t, o.Target.Met(r.Solved.Figures), "%+v", r.Solved)
}

func TestSlopeIsSolvedForTheTarget(t *testing.T) {
	for _, c := range []struct {
		target Target
		want   func(Figures) bool
	}{
		{Target{Ratio: 8}, func(f Figures) bool { return f.Bits <= 2 && f.Bits >= 1.98 }},
		{Target{Ratio: 4}, func(f Figures) bool { return f.Bits <= 4 && f.Bits >= 3.96 }},
		{Target{Ratio: 20}, func(f Figures) bool { return f.Bits <= .8 && f.Bits >= .792 }},
		{Target{KLD: .001}, func(f Figures) bool { return f.KLD <= .001 && f.KLD >= .00096 }},
		{Target{KLD: .05}, func(f Figures) bool { return f.KLD <= .05 && f.KLD >= .048 }},
	} {
		o := options(c.target)
		o.Measurements = 1
		r, err := Run(t.Context(), o, analytic)
		require.NoError(t, err)
		assert.True(t, c.want(r.Solved.Figures), "%v: %+v", c.target, r.Solved)
		assert.True(t, c.target.Met(r.Solved.Figures))
		assert.LessOrEqual(t, len(r.Points), 4, c.target)
		assert.Equal(t, r.Solved, r.Tuned, "no measurement is left for a search")
		assert.False(t, r.Converged)
		assert.InDelta(t, analyticRate, r.Rate, 1e-6, c.target)
	}
}

func TestSearchFindsTheOptimum(t *testing.T) {
	for _, target := range []Target{{Ratio: 8}, {KLD: .02}} {
		r, err := Run(t.Context(), options(target), analytic)
		require.NoError(t, err)
		assert.True(t, r.Converged)
		assert.True(t, target.Met(r.Tuned.Figures), "%+v", r.Tuned)
		assert.InEpsilon(t, 256, r.Tuned.HalfLife, .3)
		assert.InEpsilon(t, .05, r.Tuned.Floor, .3)
		// .05·u² − rate·.05·u is least at u = rate/2 doublings.
		assert.InEpsilon(t, .01*math.Exp2(analyticRate/2), r.Tuned.Sink, .3)
		assert.Zero(t, r.Tuned.HalfLife%2)
		// R^−.3·exp(rate·(16 − bits)·R/4096) is least where its logarithm does not rise.
		best := .3 * text4k / (analyticRate * (rawBits - r.Solved.Bits))
		assert.InEpsilon(t, best, r.Tuned.Recent, .3)
		assert.Less(t, len(r.Points), 250)
		if target.KLD > 0 {
			assert.Less(t, r.Tuned.totalBits(text4k), r.Solved.totalBits(text4k)-.3)
		} else {
			assert.Less(t, r.Tuned.KLD, .65*r.Solved.KLD)
		}
	}
}

func TestMeasurementsBoundTheSearch(t *testing.T) {
	var results [2]*Result
	for i := range results {
		o := options(Target{Ratio: 8})
		o.Measurements = 20
		var err error
		results[i], err = Run(t.Context(), o, analytic)
		require.NoError(t, err)
	}
	assert.Equal(t, results[0], results[1])
	assert.Len(t, results[0].Points, 21, "one to solve the slope again")
	assert.Less(t, results[0].Tuned.KLD, results[0].Solved.KLD)
	assert.False(t, results[0].Converged)
}

// With a clock that stands still but for measurements of a minute the search stops after
// a quarter of an hour, and the slope is solved.
func TestTimeBoundsTheSearch(t *testing.T) {
	now := time.Unix(0, 0)
	o := options(Target{Ratio: 8})
	o.Time, o.Now = 15*time.Minute+time.Second, func() time.Time { return now }
	r, err := Run(t.Context(), o, func(ctx context.Context, s Setting) (Figures, error) {
		now = now.Add(time.Minute)
		return analytic(ctx, s)
	})
	require.NoError(t, err)
	assert.Len(t, r.Points, 16, "one to solve the slope again")
	assert.False(t, r.Converged)
	assert.True(t, o.Target.Met(r.Tuned.Figures))
	assert.Less(t, r.Tuned.logKLD()+r.Rate*r.Tuned.totalBits(text4k), r.Solved.logKLD()+r.Rate*r.Solved.totalBits(text4k)-.1)
}

// Parameters that only make it worse are not taken.
func TestNothingBetterIsFound(t *testing.T) {
	measure := func(_ context.Context, s Setting) (Figures, error) {
		f, err := analytic(t.Context(), Setting{Slope: s.Slope, HalfLife: 256, Floor: .05, Sink: .01, Recent: 64})
		if s.at(0) != start.at(0) {
			f.KLD *= 2
		}
		return f, err
	}
	r, err := Run(t.Context(), options(Target{Ratio: 8}), measure)
	require.NoError(t, err)
	assert.Equal(t, r.Solved, r.Tuned)
	assert.True(t, r.Converged)
}

func TestUnreachableTargets(t *testing.T) {
	for want, target := range map[string]Target{
		"tune: a ratio of 80: out of reach, can be 2 to 64":                     {Ratio: 80},
		"tune: a ratio of 1.5: out of reach, can be 2 to 64":                    {Ratio: 1.5},
		"tune: a KL divergence of 1e-05: out of reach, can be 5.92e-05 to 15.7": {KLD: 1e-5},
		"tune: a KL divergence of 50: out of reach, can be 5.92e-05 to 15.7":    {KLD: 50},
	} {
		_, err := Run(t.Context(), options(target), analytic)
		require.ErrorIs(t, err, ErrTarget)
		assert.EqualError(t, err, want)
	}
}

// Where bits jump over the target, the side that keeps to it is taken.
func TestTargetInAStep(t *testing.T) {
	r, err := Run(t.Context(), options(Target{Ratio: 8}), func(_ context.Context, s Setting) (Figures, error) {
		if s.Slope < .01 {
			return Figures{KLD: .01, Bits: 3}, nil
		}
		return Figures{KLD: .02, Bits: 1.5}, nil
	})
	require.NoError(t, err)
	assert.Equal(t, 1.5, r.Solved.Bits)
	assert.False(t, Target{Ratio: 8}.Met(r.Solved.Figures))
}

func TestErrorsOfMeasurementsEndTheRun(t *testing.T) {
	lost := errors.New("device lost")
	for _, after := range []int{0, 1, 4, 9} {
		n := 0
		_, err := Run(t.Context(), options(Target{Ratio: 8}), func(ctx context.Context, s Setting) (Figures, error) {
			if n++; n > after {
				return Figures{}, lost
			}
			return analytic(ctx, s)
		})
		require.ErrorIs(t, err, lost)
		assert.Equal(t, after+1, n)
	}
	_, err := Run(t.Context(), options(Target{Ratio: 8}), func(context.Context, Setting) (Figures, error) {
		return Figures{KLD: math.NaN(), Bits: 2}, nil
	})
	assert.ErrorContains(t, err, "KL divergence NaN at 2 bits")
}
