package profile_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// random is a valid profile of random numbers, those of means exact in f16.
func random(seed uint64, s policy.Shape) *profile.Profile {
	r := rand.New(rand.NewPCG(seed, 1))
	p := profile.New(s)
	p.Model, p.Source = strings.Repeat("ab", 32), "random numbers"
	for pair := range s.HeadDim / 2 {
		p.RoPE.Speeds = append(p.RoPE.Speeds, math.Pow(10000, -2*float64(pair)/float64(s.HeadDim)))
	}
	for i := range p.Mean {
		p.Mean[i] = profile.RoundF16(r.Float32() - 0.5)
	}
	for _, m := range []shaders.Matrix{p.Matrix, p.Inverse} {
		for i := range m.Bytes {
			m.Bytes[i] = int8(r.IntN(255) - 127)
		}
		for i := range m.Scales {
			m.Scales[i] = r.Float32() / 254
		}
	}
	for at := 0; at < len(p.Lambda); at += s.HeadDim {
		row := p.Lambda[at : at+s.HeadDim]
		for i := range row {
			row[i] = float32(math.Exp(-10 * r.Float64()))
		}
		slices.SortFunc(row, func(a, b float32) int { return int(math.Copysign(1, float64(b-a))) })
	}
	c := p.Codebook
	for i := range c.Thresholds {
		c.Thresholds[i] = float32(2.2 * math.Sqrt2 * math.Erfinv(float64(i+1)/128-1))
	}
	p.Codebook.Reconstruction = shaders.Reconstruction{
		Magnitudes: [7]uint8{40, 24, 72, 12, 36, 64, 100}, Coefficients: [4]float32{88, -4.5, 30, 65.25},
	}
	for b := range c.Distortion {
		c.Distortion[b] = float32(math.Pow(0.3, float64(b)))
	}
	p.Slope = 0.02
	for i := range p.Use {
		p.Use[i] = [profile.Levels + 1]float32{.25, .125, .125, .125, .125, .0625, .0625, .03125, .03125, .03125, .03125}[i%(profile.Levels+1)]
	}
	return p
}

var shape = policy.Shape{Layers: 2, KVHeads: 3, HeadDim: 32}

func TestSaveAndLoad(t *testing.T) {
	p, path := random(1, shape), filepath.Join(t.TempDir(), "p.safetensors")
	for range 2 { // the second time over the first's file
		require.NoError(t, p.Save(path))
	}
	got, err := profile.Load(path)
	require.NoError(t, err)
	assert.Equal(t, p, got)
	assert.Equal(t, p.Hash(), got.Hash())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file is left")
	require.ErrorIs(t, p.Save(filepath.Join(filepath.Dir(path), "absent", "p")), os.ErrNotExist)
	_, err = profile.Load(filepath.Dir(path))
	require.ErrorIs(t, err, profile.ErrFormat)
}

func TestNumbersBeyondF16StayExact(t *testing.T) {
	p := random(1, shape)
	small, err := p.Bytes()
	require.NoError(t, err)
	p.Mean[5] = 1e6
	large, err := p.Bytes()
	require.NoError(t, err)
	assert.InDelta(t, 2*len(p.Mean), len(large)-len(small), 64)
	got, err := profile.Parse(large)
	require.NoError(t, err)
	assert.Equal(t, p, got)
}

func TestHashTellsProfilesApart(t *testing.T) {
	p := random(1, shape)
	first := p.Hash()
	assert.Len(t, first, 64)
	p.Slope *= 2
	assert.NotEqual(t, first, p.Hash())
	p.Slope /= 2
	p.RoPE.Halves = true
	assert.NotEqual(t, first, p.Hash())
	p.RoPE.Halves = false
	assert.Equal(t, first, p.Hash())
}

func TestDamagedFilesAreRefused(t *testing.T) {
	p := random(1, policy.Shape{Layers: 1, KVHeads: 1, HeadDim: 4})
	data, err := p.Bytes()
	require.NoError(t, err)
	for at := range data {
		bad := slices.Clone(data)
		bad[at] ^= 4
		_, err := profile.Parse(bad)
		if at < headerBytes(data) && err == nil {
			continue // blanks in the header, a name that keeps its meaning
		}
		require.Error(t, err, "byte %d", at)
	}
	for n := range data {
		_, err := profile.Parse(data[:n])
		require.ErrorIs(t, err, profile.ErrFormat, "%d bytes", n)
	}
	_, err = profile.Parse(append(slices.Clone(data), 0))
	require.ErrorIs(t, err, profile.ErrFormat)
}

func headerBytes(data []byte) int { return 8 + int(data[0]) | int(data[1])<<8 }

// rewritten returns the file with another value of a key, its checksum left as it
// was.
func rewritten(t *testing.T, data []byte, key, value string) []byte {
	tensors, err := safetensors.Deserialize(data)
	require.NoError(t, err)
	_, header, err := safetensors.ReadMetadata(data)
	require.NoError(t, err)
	views := map[string]safetensors.TensorView{}
	for _, v := range tensors.Tensors() {
		views[v.Name] = v.TensorView
	}
	metadata := header.Metadata()
	metadata[key] = value
	out, err := safetensors.Serialize(views, metadata)
	require.NoError(t, err)
	return out
}

func TestFilesOfAnotherKindAreRefused(t *testing.T) {
	data, err := random(1, shape).Bytes()
	require.NoError(t, err)
	assert.True(t, bytes.Equal(data, rewritten(t, data, "source", "random numbers")))
	_, err = profile.Parse(rewritten(t, data, "version", "5"))
	require.ErrorIs(t, err, profile.ErrVersion)
	require.ErrorContains(t, err, "version 5, known up to 4")
	_, err = profile.Parse(rewritten(t, data, "version", "3"))
	require.ErrorIs(t, err, profile.ErrVersion)
	require.ErrorContains(t, err, "version 3, whose tables are other than those of 4; calibrate anew")
	for key, value := range map[string]string{"version": "x", "format": "other", "model": "ab", "sha256": "ab", "half_life": "65"} {
		_, err = profile.Parse(rewritten(t, data, key, value))
		require.ErrorIs(t, err, profile.ErrFormat, key)
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, damage := range map[string]func(p *profile.Profile){
		"layers":       func(p *profile.Profile) { p.Shape.Layers = 0 },
		"lengths":      func(p *profile.Profile) { p.Shape.HeadDim = 31 },
		"no number":    func(p *profile.Profile) { p.Mean[3] = float32(math.NaN()) },
		"infinite":     func(p *profile.Profile) { p.Mean[3] = float32(math.Inf(1)) },
		"byte":         func(p *profile.Profile) { p.Matrix.Bytes[3] = -128 },
		"scale":        func(p *profile.Profile) { p.Inverse.Scales[3] = float32(math.Inf(1)) },
		"scale < 0":    func(p *profile.Profile) { p.Matrix.Scales[3] = -1 },
		"no scales":    func(p *profile.Profile) { p.Inverse.Scales = nil },
		"lambda rises": func(p *profile.Profile) { p.Lambda[1] = 2 * p.Lambda[0] },
		"lambda < 0":   func(p *profile.Profile) { p.Lambda[31] = -1 },
		"thresholds":   func(p *profile.Profile) { p.Codebook.Thresholds[7] = p.Codebook.Thresholds[8] },
		"tables":       func(p *profile.Profile) { p.Codebook.Reconstruction.Magnitudes[6] = 128 },
		"magnitude 0":  func(p *profile.Profile) { p.Codebook.Reconstruction.Magnitudes[0] = 0 },
		"curve":        func(p *profile.Profile) { p.Codebook.Reconstruction.Coefficients[1] = 1 << 22 },
		"no curve":     func(p *profile.Profile) { p.Codebook.Reconstruction.Coefficients[3] = float32(math.NaN()) },
		"distortion":   func(p *profile.Profile) { p.Codebook.Distortion[3] = 2 },
		"slope":        func(p *profile.Profile) { p.Slope = 0 },
		"page":         func(p *profile.Profile) { p.PageTokens = 0 },
		"use":          func(p *profile.Profile) { p.Use[12] += 1e-4 },
		"use < 0":      func(p *profile.Profile) { p.Use[0], p.Use[1] = p.Use[0]+.5, p.Use[1]-.5 },
		"floor":        func(p *profile.Profile) { p.Importance.Floor = 0 },
		"RoPE":         func(p *profile.Profile) { p.RoPE.Speeds = make([]float64, 17) },
		"speed":        func(p *profile.Profile) { p.RoPE.Speeds[3] = 3 },
	} {
		p := random(1, shape)
		damage(p)
		require.ErrorIs(t, p.Validate(), profile.ErrFormat, name)
		_, err := p.Bytes()
		require.ErrorIs(t, err, profile.ErrFormat, name)
	}
}

func TestCheck(t *testing.T) {
	p := random(1, shape)
	require.NoError(t, p.Check(shape, p.RoPE, p.Model))
	require.NoError(t, p.Check(shape, p.RoPE, ""))
	require.ErrorIs(t, p.Check(shape, p.RoPE, strings.Repeat("0", 64)), profile.ErrModel)
	require.ErrorIs(t, p.Check(policy.Shape{Layers: 2, KVHeads: 3, HeadDim: 64}, p.RoPE, ""), profile.ErrShape)
	require.ErrorIs(t, p.Check(shape, profile.RoPE{Halves: true, Speeds: p.RoPE.Speeds}, ""), profile.ErrShape)
}

func TestHeadSharesMemory(t *testing.T) {
	p := random(1, shape)
	h := p.Head(shaders.Value, 1, 2)
	assert.Same(t, &p.Lambda[11*32], &h.Lambda[0])
	assert.Same(t, &p.Matrix.Bytes[11*32*32], &h.Matrix.Bytes[0])
	assert.Same(t, &p.Inverse.Scales[11*32], &h.Inverse.Scales[0])
	assert.Len(t, h.Inverse.Bytes, 32*32)
}

// A channel's elements are whole numbers of its largest over 127: rows of A, columns of
// its inverse.
func TestMatricesAreRoundedByChannel(t *testing.T) {
	h := profile.New(policy.Shape{Layers: 1, KVHeads: 1, HeadDim: 2}).Head(shaders.Key, 0, 0)
	h.SetForward([]float32{254, -127, 0, 0})
	assert.Equal(t, shaders.Matrix{Bytes: []int8{127, -64, 0, 0}, Scales: []float32{2, 0}}, h.Matrix)
	assert.Equal(t, []float32{254, -128, 0, 0}, h.Forward())
	h.SetBackward([]float32{254, -127, 0, 1})
	assert.Equal(t, shaders.Matrix{Bytes: []int8{127, -127, 0, 1}, Scales: []float32{2, 1}}, h.Inverse)
	assert.Equal(t, []float32{254, -127, 0, 1}, h.Backward())
}
