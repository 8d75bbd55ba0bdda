package backend

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// testProfile is a profile of any numbers: reflections and scales as matrices, costs
// that fall by half every so many channels.
func testProfile(shape policy.Shape, rotary int) *profile.Profile {
	p, rng, d := profile.New(shape), rand.New(rand.NewPCG(3, 9)), shape.HeadDim
	p.Model, p.PageTokens, p.Slope = "0000000000000000000000000000000000000000000000000000000000000000", 16, 0.02
	p.Importance = profile.Importance{HalfLife: 16, Floor: 0.1, Sink: 0.04, Recent: 8, First: 2}
	p.RoPE.Halves = true
	for i := range rotary / 2 {
		p.RoPE.Speeds = append(p.RoPE.Speeds, math.Pow(100, -float64(i)/float64(rotary/2)))
	}
	for i := range p.Mean {
		p.Mean[i] = float32(rng.NormFloat64())
		p.Lambda[i] = float32(math.Exp2(-float64(i%d) / float64(d/8)))
	}
	for i := range 2 * shape.Layers * shape.KVHeads {
		setReflection(p.Head(shaders.Kind(i/shape.KVHeads/shape.Layers), i/shape.KVHeads%shape.Layers, i%shape.KVHeads), rng)
	}
	for k := range p.Codebook.Thresholds {
		p.Codebook.Thresholds[k] = float32(2.2 * math.Sqrt2 * math.Erfinv(float64(k+1)/128-1))
	}
	p.Codebook.Reconstruction = shaders.Reconstruction{Magnitudes: [7]uint8{28, 17, 58, 9, 27, 48, 84}, Coefficients: [4]float32{87.875, 30.25, -21, 55.125}}
	copy(p.Codebook.Distortion, []float32{1.296, .535, .198, .0697, .0261, .0110, .0053, .0028, .0016})
	for range shape.Layers {
		p.Use = append(p.Use, .2, .2, .2, .1, .1, .1, .05, .02, .01, .01, .01)
	}
	return p
}

// setReflection sets the matrix of a head to scaled rows of I - 2uu', and the inverse.
func setReflection(h profile.Head, rng *rand.Rand) {
	d := len(h.Mean)
	a, inverse := make([]float32, d*d), make([]float32, d*d)
	u, norm := make([]float64, d), 0.0
	for i := range u {
		u[i] = rng.NormFloat64()
		norm += u[i] * u[i]
	}
	for c := range d {
		scale := math.Exp2(rng.Float64()*2 - 1)
		for e := range d {
			x := -2 * u[c] * u[e] / norm
			if c == e {
				x++
			}
			a[c*d+e], inverse[e*d+c] = float32(x*scale), float32(x/scale)
		}
	}
	h.SetForward(a)
	h.SetBackward(inverse)
}

// calibratedConfig is a small cache with a profile.
func calibratedConfig(layers, heads, headDim, rotary int) Config {
	return Config{Layers: layers, KVHeads: heads, QueryHeads: testQueryHeads * heads, HeadDim: headDim, Capacity: 700, MaxStepTokens: 40,
		HostBudget: 1 << 26, AdaptEvery: 4, Profile: testProfile(policy.Shape{Layers: layers, KVHeads: heads, HeadDim: headDim}, rotary)}
}

// requireRecords compares every page with one of records made anew of the appended
// rows by the reference, at the levels that the mirror has.
func (s *sequence) requireRecords() {
	k := s.c.scheme.(*calibrated)
	for _, kind := range []shaders.Kind{shaders.Key, shaders.Value} {
		for layer := range s.cfg.Layers {
			for page, pair := range s.seq.table.Pairs(layer) {
				id := pages.ID{Kind: kind, LayerGroup: layer, Page: page}
				place := pair.Pages[kind]
				words, err := device.Read(s.t.Context(), s.c.work.Device, device.View{Buffer: pair.Segment.Buffer, Offset: place.At, Words: place.Words})
				require.NoError(s.t, err)
				got, err := cpuref.ReadRecordPage(k.codec.Tables(kind, layer), words)
				require.NoError(s.t, err)
				levels := s.seq.table.PageBits(id)
				require.Equal(s.t, s.recordsAnew(id, levels), words, "%v", id)
				for t, level := range got.Levels {
					require.Equal(s.t, min(levels[t], shaders.Raw), level)
				}
			}
		}
	}
}

// recordsAnew are the words of a page of the appended rows at the given levels.
func (s *sequence) recordsAnew(id pages.ID, levels []uint8) []uint32 {
	k, w := s.c.scheme.(*calibrated), s.c.work
	t, first := k.codec.Tables(id.Kind, id.LayerGroup), id.Page*w.PageTokens
	rows := s.rows[id.Kind][id.LayerGroup][first*w.LayerWords:][:w.PageTokens*w.LayerWords]
	var slots []uint32
	for i := range w.PageTokens {
		codes := make([]uint32, t.CodeWords())
		quantizes := cpuref.CalibratedCodes(t, k.codec.Rotation(id), false, rows[i*w.LayerWords:][:w.LayerWords], codes)
		require.Equal(s.t, !quantizes, levels[i] == shaders.Unquantizable)
		slots = append(slots, codes...)
	}
	plan := shaders.PackRecordsPlan(make([]shaders.RecordPackJob, 1), [][]uint8{levels}, []*shaders.Tables{t})
	out := make([]uint32, shaders.AlignWords(t.PageWords(levels)))
	push := shaders.PackCalibratedPush{Jobs: 1, Tokens: uint32(w.PageTokens), TokenStride: uint32(w.LayerWords)}
	spec := k.codec.Pipeline(shaders.PackCalibrated).Spec
	require.NoError(s.t, cpuref.PackCalibrated(spec, push, slots, rows, plan, out))
	return out[:t.PageWords(levels)]
}

// requireLevels compares the mirror of both kinds, and the levels with those that are
// chosen now: after Adapt there is nothing left to move.
func (s *sequence) requireLevels() {
	_, err := s.seq.Adapt(s.t.Context())
	require.NoError(s.t, err)
	moves, err := s.seq.Adapt(s.t.Context())
	require.NoError(s.t, err)
	require.Zero(s.t, moves.Promoted+moves.Demoted+moves.Missed)
	for layer := range s.cfg.Layers {
		n := s.seq.storedPages()
		require.Equal(s.t, s.seq.table.Bits(shaders.Key, layer, 0, n), s.seq.table.Bits(shaders.Value, layer, 0, n))
	}
}

// levelsInUse are the levels of K of all layers, each once.
func (s *sequence) levelsInUse() []uint8 {
	var all []uint8
	for layer := range s.cfg.Layers {
		all = append(all, s.seq.table.Bits(shaders.Key, layer, 0, s.seq.storedPages())...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// exactDecoded are the rows of a stored token in float64: the inverse times the values
// of its codes at its level, and the mean.
func (s *sequence) exactDecoded(kind shaders.Kind, layer, token int) []float64 {
	k, w, p := s.c.scheme.(*calibrated), s.c.work, s.cfg.Profile
	id := pages.ID{Kind: kind, LayerGroup: layer, Page: token / w.PageTokens}
	t, level := k.codec.Tables(kind, layer), s.seq.table.PageBits(id)[token%w.PageTokens]
	var out []float64
	for head := range w.KVHeads {
		row := make([]float64, w.HeadDim)
		words := s.rows[kind][layer][token*w.LayerWords+head*w.Layout.RawRowWords():][:w.Layout.RawRowWords()]
		for d := range row {
			row[d] = float64(math.Float32frombits(converted(words, s.cfg.Type, F32, w.HeadDim, 0)[d]))
		}
		if level < shaders.Raw {
			row = s.quantizedExactly(p, kind, layer, head, token, row, t.Populations[level][head])
		}
		out = append(out, row...)
	}
	return out
}

func (s *sequence) quantizedExactly(p *profile.Profile, kind shaders.Kind, layer, head, token int, x []float64, planes shaders.Population) []float64 {
	h, d := p.Head(kind, layer, head), s.cfg.HeadDim
	mean := make([]float64, d)
	for e, m := range h.Mean {
		mean[e] = float64(m)
	}
	stretch := 0
	if kind == shaders.Key {
		turnExactly(p, mean, token/p.PageTokens*p.PageTokens+p.PageTokens/2)
		stretch = token / 1024 * 1024
	}
	y, out, forward, backward := make([]float64, d), make([]float64, d), h.Forward(), h.Backward()
	for e := range y {
		y[e] = x[e] - mean[e]
	}
	turnExactly(p, y, -stretch)
	for c := range d {
		z, bits := 0.0, 0
		for e := range d {
			z += float64(forward[c*d+e]) * y[e]
		}
		for _, n := range planes {
			if c < n {
				bits++
			}
		}
		if bits == 0 {
			continue
		}
		value := p.Codebook.Table(bits)[profile.Code(float32(z), p.Codebook.Thresholds)>>(profile.CodeBits-bits)]
		for e := range d {
			out[e] += float64(backward[e*d+c]) * float64(value)
		}
	}
	turnExactly(p, out, stretch)
	for e := range out {
		out[e] += mean[e]
	}
	return out
}

// turnExactly turns a row by so many positions.
func turnExactly(p *profile.Profile, row []float64, positions int) {
	n := len(p.RoPE.Speeds)
	for i, speed := range p.RoPE.Speeds {
		sin, cos := math.Sincos(speed * float64(positions))
		a, b := row[i], row[i+n]
		row[i], row[i+n] = a*cos-b*sin, b*cos+a*sin
	}
}

// requireDecoded compares what Read gives with float64. A channel next to a threshold
// may have the neighbouring code: few rows may differ.
func (s *sequence) requireDecoded() {
	for layer := range s.cfg.Layers {
		k, v := make([]float32, s.cfg.Capacity*s.cfg.KVHeads*s.cfg.HeadDim), make([]float32, s.cfg.Capacity*s.cfg.KVHeads*s.cfg.HeadDim)
		_, err := s.seq.Read(layer, RowsF32(k), RowsF32(v))
		require.NoError(s.t, err)
		for kind, got := range [][]float32{k, v} {
			off, n := 0, s.cfg.KVHeads*s.cfg.HeadDim
			for token := range s.seq.extent.Stored {
				for d, want := range s.exactDecoded(shaders.Kind(kind), layer, token) {
					if math.Abs(float64(got[token*n+d])-want) > 1e-3 {
						off++
						break
					}
				}
			}
			require.LessOrEqual(s.t, off, 1+s.seq.extent.Stored/100, "kind %d, layer %d", kind, layer)
		}
	}
}
