package profile_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

var kinds = []shaders.Kind{shaders.Key, shaders.Value}

func TestLevelsNest(t *testing.T) {
	for seed := range uint64(8) {
		for _, d := range []int{1, 3, 32, 33, 64} {
			s := policy.Shape{Layers: 2, KVHeads: 3, HeadDim: d}
			p := random(seed, s)
			p.Slope = float32(math.Pow(0.1, float64(seed)))
			planes := p.Planes()
			for layer := range s.Layers {
				for level := range profile.Levels {
					checkLevel(t, planes, s, layer, level)
				}
			}
		}
	}
}

// checkLevel checks that a row at the level is a part of it at the next, that
// planes stand on each other, and that bits add up.
func checkLevel(t *testing.T, p *profile.Planes, s policy.Shape, layer, level int) {
	for _, kind := range kinds {
		total := 0
		for head := range s.KVHeads {
			for plane := range profile.CodeBits {
				n := p.Count(kind, layer, head, level, plane)
				require.LessOrEqual(t, n, s.HeadDim)
				if plane > 0 {
					require.LessOrEqual(t, n, p.Count(kind, layer, head, level, plane-1))
				}
				if level > 0 {
					require.GreaterOrEqual(t, n, p.Count(kind, layer, head, level-1, plane))
				}
			}
			total += p.RowBits(kind, layer, head, level)
		}
		require.Equal(t, total, p.RecordBits(kind, layer, level))
		require.Zero(t, total%profile.RecordAlign)
	}
}

func TestPlanesKeepWhatIsWorthTheSlope(t *testing.T) {
	p := random(3, shape)
	planes := p.Planes()
	for level := range profile.Levels {
		slope := float64(p.Slope) * math.Pow(4, float64(profile.BaseLevel-level)/2)
		for _, kind := range kinds {
			want := 0
			for head := range shape.KVHeads {
				for _, l := range p.Head(kind, 0, head).Lambda {
					for b := range profile.CodeBits {
						if float64(l)*(float64(p.Codebook.Distortion[b])-float64(p.Codebook.Distortion[b+1])) >= slope {
							want++
						}
					}
				}
			}
			assert.InDelta(t, want, planes.RecordBits(kind, 0, level), profile.RecordAlign/2, "level %d", level)
		}
	}
}

func TestEqualWorthsStandInOrder(t *testing.T) {
	p := random(1, policy.Shape{Layers: 1, KVHeads: 2, HeadDim: 40})
	for i := range p.Lambda {
		p.Lambda[i] = 1
	}
	p.Slope = 0.7 // what the first plane of every channel is worth; 80 of them, 96 to a word
	planes := p.Planes()
	for _, kind := range kinds {
		assert.Equal(t, 96, planes.RecordBits(kind, 0, profile.BaseLevel))
		assert.Equal(t, [2]int{40, 16}, [2]int{planes.Count(kind, 0, 0, profile.BaseLevel, 0), planes.Count(kind, 0, 0, profile.BaseLevel, 1)})
		assert.Equal(t, [2]int{40, 0}, [2]int{planes.Count(kind, 0, 1, profile.BaseLevel, 0), planes.Count(kind, 0, 1, profile.BaseLevel, 1)})
	}
}

// Records have no bits beside those of their rows, so that pages pad nothing.
func TestRecordsFillWords(t *testing.T) {
	p := random(4, shape)
	planes := p.Planes()
	for _, kind := range kinds {
		tables, err := p.Tables(kind, 1, shaders.TypeF16)
		require.NoError(t, err)
		for level := range profile.Levels {
			assert.Equal(t, planes.RecordBits(kind, 1, level), 32*tables.RecordWords(uint8(level)))
		}
	}
}

func TestTurn(t *testing.T) {
	p := random(1, policy.Shape{Layers: 1, KVHeads: 1, HeadDim: 64})
	cos, sin := make([]float32, 32), make([]float32, 32)
	for _, position := range []int{0, 1, 2, 3, 8, 127, 1023, 65537, 1<<24 - 1} {
		p.RoPE.Turn(position, cos, sin)
		for i, speed := range p.RoPE.Speeds {
			s, c := math.Sincos(float64(position) * speed)
			require.InDelta(t, s, sin[i], 6e-8, "sine, position %d, pair %d", position, i)
			require.InDelta(t, c, cos[i], 6e-8, "cosine, position %d, pair %d", position, i)
		}
	}
}

func TestRotate(t *testing.T) {
	for _, r := range []profile.RoPE{{Speeds: []float64{1, 0.5}}, {Halves: true, Speeds: []float64{1, 0.5}}} {
		cos, sin := make([]float32, 2), make([]float32, 2)
		r.Turn(3, cos, sin)
		row := []float32{0, 0, 0, 0, 7}
		a, b := r.Pair(1)
		row[a] = 2
		r.Rotate(row, cos, sin)
		assert.InDelta(t, 2*math.Cos(1.5), row[a], 1e-6)
		assert.InDelta(t, 2*math.Sin(1.5), row[b], 1e-6)
		assert.Equal(t, float32(7), row[4], "elements behind the turned ones stay")
	}
}

func TestMiddle(t *testing.T) {
	p := random(1, shape)
	assert.Equal(t, []int{16, 16, 48, 1040}, []int{p.Middle(0), p.Middle(31), p.Middle(32), p.Middle(1055)})
	p.PageTokens = 16
	assert.Equal(t, []int{8, 24}, []int{p.Middle(15), p.Middle(16)})
}
