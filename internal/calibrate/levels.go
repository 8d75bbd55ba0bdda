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
	heads       int
	perQuery    float32 // 1 / (queries of a block · query heads of a KV head)
	decay, gain float32
	average     []float32 // decayed sum of p², [KVHeads][tokens of the window]
	sinks       []bool    // tokens that are raw from now on
	counts      [profile.Levels]float64
	raw         float64
}

func newLevels(setup profile.Importance, heads, group int) *levels {
	decay := math.Exp2(-model.AttendedBlock / float64(setup.HalfLife))
	return &levels{
		setup: setup, heads: heads, perQuery: 1 / float32(model.AttendedBlock*group),
		decay: float32(decay), gain: float32(1 - decay),
	}
}

// begin begins a window of n tokens.
func (l *levels) begin(n int) {
	l.average, l.sinks = make([]float32, l.heads*n), make([]bool, n)
}

// add takes the squared probabilities of a block of queries, [KVHeads][seen].
func (l *levels) add(squares []float32) {
	n, seen := len(l.sinks), len(squares)/l.heads
	for h := range l.heads {
		row := l.average[h*n : (h+1)*n]
		for j, x := range squares[h*seen : (h+1)*seen] {
			row[j] = l.decay*row[j] + l.gain*x
			if row[j]*l.perQuery > l.setup.Sink {
				l.sinks[j] = true
			}
		}
	}
	importance := l.importance(seen)
	for j := l.setup.First; j < seen-l.setup.Recent; j++ {
		if l.sinks[j] {
			l.raw++
			continue
		}
		l.counts[Level(importance[j], l.setup.Floor)]++
	}
}

// importance returns the mean over KV heads of each token's average, divided by
// the head's mean over tokens, [seen].
func (l *levels) importance(seen int) []float64 {
	n, out := len(l.sinks), make([]float64, seen)
	for h := range l.heads {
		row, sum := l.average[h*n:h*n+seen], 0.0
		for _, x := range row[min(l.setup.First, seen):] {
			sum += float64(x)
		}
		mean := max(sum/float64(max(1, seen-l.setup.First)), 1e-30)
		for j, x := range row {
			out[j] += float64(x) / mean / float64(l.heads)
		}
	}
	return out
}

// Level returns the level of a token of that importance.
func Level(importance float64, floor float32) int {
	f := float64(floor)
	steps := math.Round(math.Log2((importance + f) / (1 + f))) // half steps
	return min(max(profile.BaseLevel+int(steps), 0), profile.Levels-1)
}

// use writes the shares of tokens that had each level, [Layers][Levels+1], and
// returns that of raw ones.
func (c *collector) use(out []float32) (raw float64, err error) {
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
