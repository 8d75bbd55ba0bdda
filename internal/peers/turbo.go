package peers

import (
	"math"
	"math/rand/v2"
	"sort"
)

// turbo follows TurboQuant (arXiv 2504.19874) without its residual bit, as forks
// of llama.cpp do: a head is turned by random signs and a Hadamard matrix, its
// norm kept in f16, and each element replaced by the nearest level of the
// Lloyd-Max quantizer for the normal distribution that it then nearly has.
func turbo(s Shape, bits int) (*Codec, error) {
	width := rotation(s.HeadDim)
	if err := whole("head", width, 8); err != nil {
		return nil, err
	}
	t := &turboCoder{headDim: s.HeadDim, width: width, levels: lloydMax(1 << bits), signs: signs(s.HeadDim)}
	size := float64(bits) + 16/float64(s.HeadDim)
	return &Codec{Bits: [2]float64{size, size}, Codes: float64(bits), Block: 1, code: [2]coder{t.code, t.code}}, nil
}

type turboCoder struct {
	headDim, width int
	levels         []float32 // rising
	signs          []float32 // [D], ±1
}

func (t *turboCoder) code(_, _ int, rows []float32) {
	for at := 0; at < len(rows); at += t.headDim {
		t.head(rows[at : at+t.headDim])
	}
}

func (t *turboCoder) head(row []float32) {
	t.flip(row)
	hadamard(row, t.width)
	var sum float64
	for _, x := range row {
		sum += float64(x) * float64(x)
	}
	deviation := half(float32(math.Sqrt(sum))) / float32(math.Sqrt(float64(t.headDim)))
	inverse := inverted(deviation)
	for i, x := range row {
		row[i] = t.nearest(x*inverse) * deviation
	}
	hadamard(row, t.width)
	t.flip(row)
}

func (t *turboCoder) flip(row []float32) {
	for i, s := range t.signs {
		row[i] *= s
	}
}

// nearest returns the level next to z.
func (t *turboCoder) nearest(z float32) float32 {
	i := sort.Search(len(t.levels)-1, func(i int) bool { return z < (t.levels[i]+t.levels[i+1])/2 })
	return t.levels[i]
}

// signs are ±1 at random, the same for the same number of elements.
func signs(n int) []float32 {
	r := rand.New(rand.NewPCG(5, uint64(n)))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(2*r.IntN(2) - 1)
	}
	return out
}

// lloydMax returns the n levels of least squared error for the standard normal
// distribution: each is the mean of what is nearest to it (Max 1960).
func lloydMax(n int) []float32 {
	c := make([]float64, n)
	for i := range c {
		c[i] = 6*(float64(i)+0.5)/float64(n) - 3
	}
	for range 2000 {
		low, next := math.Inf(-1), make([]float64, n)
		for i := range c {
			high := math.Inf(1)
			if i+1 < n {
				high = (c[i] + c[i+1]) / 2
			}
			next[i] = (density(low) - density(high)) / (below(high) - below(low))
			low = high
		}
		c = next
	}
	out := make([]float32, n)
	for i, x := range c {
		out[i] = float32(x)
	}
	return out
}

// density and below are those of the standard normal distribution.
func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
func below(x float64) float64   { return (1 + math.Erf(x/math.Sqrt2)) / 2 }
