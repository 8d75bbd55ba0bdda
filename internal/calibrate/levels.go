package calibrate

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model"
)

// levels counts the levels that the tokens of a layer have while windows are read:
// after each block of queries, of all tokens that have left the recent window.
type levels struct {
	setup       profile.Importance
	perQuery    float32 // 1 / (queries of a block · query heads)
	decay, gain float32
	average     []float32 // decayed sum of shares of p², of the tokens of the window
	sinks       []bool    // tokens that are raw from now on
	counts      [profile.Levels]float64
	raw         float64
}

func newLevels(setup profile.Importance, queryHeads int) *levels {
	decay := math.Exp2(-model.AttendedBlock / float64(setup.HalfLife))
	return &levels{
		setup: setup, perQuery: 1 / float32(model.AttendedBlock*queryHeads),
		decay: float32(decay), gain: float32(1 - decay),
	}
}

// begin begins a window of n tokens.
func (l *levels) begin(n int) {
	l.average, l.sinks = make([]float32, n), make([]bool, n)
}

// add takes the shares of a block of queries, of the tokens so far.
func (l *levels) add(shares []float32) {
	for j, x := range shares {
		l.average[j] = l.decay*l.average[j] + l.gain*x
		if l.average[j]*l.perQuery > l.setup.Sink {
			l.sinks[j] = true
		}
	}
	mean := l.mean(len(shares))
	for j := l.setup.First; j < len(shares)-l.setup.Recent; j++ {
		if l.sinks[j] {
			l.raw++
			continue
		}
		l.counts[Level(float64(l.average[j])/mean, l.setup.Floor)]++
	}
}

// mean is that of the first tokens that may have a level.
func (l *levels) mean(seen int) float64 {
	sum, count := 0.0, 0
	for j := l.setup.First; j < seen; j++ {
		if !l.sinks[j] {
			sum += float64(l.average[j])
			count++
		}
	}
	return max(sum/float64(max(1, count)), 1e-30)
}

// Level returns the level of a token of that importance.
func Level(importance float64, floor float32) int {
	f := float64(floor)
	steps := math.Round(math.Log2((importance + f) / (1 + f))) // half steps
	return min(max(profile.BaseLevel+int(steps), 0), profile.Levels-1)
}

// use writes the shares of tokens that had each level, [Layers][Levels+1], and
// returns that of raw ones.
func (c *Collector) use(out []float32) (raw float64, err error) {
	for i, l := range c.levels {
		total := l.raw
		for _, n := range l.counts {
			total += n
		}
		if total == 0 {
			return 0, fmt.Errorf("no token left the recent window: %w", ErrText)
		}
		row := out[i*(profile.Levels+1):][:profile.Levels+1]
		for level, n := range l.counts {
			row[level] = float32(n / total)
		}
		row[profile.Levels] = float32(l.raw / total)
		raw += l.raw / total / float64(len(c.levels))
	}
	return raw, nil
}
