package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// Calibrated is what a case of the calibrated codec runs on, besides the parameters
// that all kernels have.
type Calibrated struct {
	Tables      string `json:"tables"`                // normal, extreme or empty: see tablesOf
	Rotary      int    `json:"rotary,omitempty"`      // elements of K's mean that turn; 0: as V
	Interleaved bool   `json:"interleaved,omitempty"` // pairs are neighbours
}

// String is e.g. "tables-normal/rotary64-interleaved".
func (c *Calibrated) String() string {
	name := "tables-" + c.Tables
	if c.Rotary > 0 {
		name += fmt.Sprintf("/rotary%d", c.Rotary)
	}
	if c.Interleaved {
		name += "-interleaved"
	}
	return name
}

func (c *Calibrated) interleaved() uint32 {
	if c.Interleaved {
		return 1
	}
	return 0
}

// withTables hands a builder cases of the calibrated codec.
func withTables(b builder) builder {
	return func(c Case) (*program, error) {
		of := c.Params.Calibrated
		switch {
		case of == nil:
			return nil, fmt.Errorf("no tables")
		case of.Tables != "normal" && of.Tables != "extreme" && of.Tables != "empty":
			return nil, fmt.Errorf("tables %q: must be normal, extreme or empty", of.Tables)
		case c.Params.Bits != "" && !knownLevels(c.Params.Bits):
			return nil, fmt.Errorf("levels %q: must be 0..9, 16, cycle or low", c.Params.Bits)
		}
		return b(c)
	}
}

// levels are all levels, in the order in which "cycle" hands them out.
var levels = []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, shaders.Raw}

func knownLevels(how string) bool {
	n, err := strconv.ParseUint(how, 10, 8)
	return how == "cycle" || how == "low" || err == nil && shaders.ValidLevel(uint8(n))
}

// levelOf is the level of token n: "cycle" hands out all, "low" those that most
// tokens of a long text have and now and then a raw one, a number is that level.
func levelOf(how string, n int) uint8 {
	switch how {
	case "cycle":
		return levels[n%len(levels)]
	case "low":
		if n%29 == 0 {
			return shaders.Raw
		}
		return uint8(n * 7 % 6)
	}
	level, _ := strconv.ParseUint(how, 10, 8)
	return uint8(level)
}

// tablesOf makes the tables of a kind. Normal ones have means, matrices and
// populations as a profile may; extreme ones means of 2^-40 to 2^40, scales of 2^-30 to
// 2^20, zeros, and populations of all or no channels; empty ones no channel at all below
// level 9.
func (c Case) tablesOf(kind shaders.Kind) *shaders.Tables {
	p, rng := c.Params, c.rng(20+uint64(kind))
	t := &shaders.Tables{Profile: 0xcdef ^ uint16(c.Seed), Layer: 5, Kind: kind}
	t.Records = shaders.Records{Type: typeOf(p.Type), HeadDim: p.HeadDim, Heads: p.Rows}
	g := &generator{rng: rng}
	mean := func() float32 { return float32(g.normal()) }
	matrix := func(spread float64) shaders.Matrix {
		return matrixOf(p, func() int8 { return int8(min(max(math.Round(g.normal()*32), -127), 127)) },
			func() float32 { return float32(spread * (0.5 + rng.Float64()) / 32) })
	}
	if p.Calibrated.Tables == "extreme" {
		mean = func() float32 { return extremeEntry(rng) }
		matrix = func(float64) shaders.Matrix {
			return matrixOf(p, func() int8 { return extremeByte(rng) }, func() float32 { return extremeScale(rng) })
		}
	}
	t.Mean, t.Forward, t.Inverse = entries(p.Rows*p.HeadDim, mean), matrix(0.125), matrix(0.25)
	t.Magnitudes = [7]uint8{28, 20, 62, 11, 33, 59, 91}
	t.Coefficients = [4]float32{87.875, 30.25, -21, 55.125}
	if p.Calibrated.Tables == "extreme" {
		t.Magnitudes, t.Coefficients = [7]uint8{127, 1, 127, 1, 2, 64, 127}, [4]float32{1, -0x1p19, 0, 0x1p20}
	}
	for k := range t.Thresholds { // falls off as the tails of a density do, with ties at both ends
		t.Thresholds[k] = float32(math.Ldexp(float64(min(max(k-127, -120), 120))*float64(9+(k-127)*(k-127)/512), -8))
	}
	populate(&t.Records, p.Calibrated.Tables, rng)
	return t
}

func entries(n int, entry func() float32) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = entry()
		if x := math.Abs(float64(out[i])); x < 0x1p-40 {
			out[i] = 0
		}
	}
	return out
}

// matrixOf are matrices of all heads.
func matrixOf(p Params, entry func() int8, scale func() float32) shaders.Matrix {
	channels := p.Rows * p.HeadDim
	out := shaders.Matrix{Bytes: make([]int8, channels*p.HeadDim), Scales: make([]float32, channels)}
	for i := range out.Bytes {
		out.Bytes[i] = entry()
	}
	for i := range out.Scales {
		out.Scales[i] = scale()
	}
	return out
}

// extremeByte is any element of a matrix; a quarter each is 0 and the largest of either sign.
func extremeByte(rng *rand.Rand) int8 {
	r := rng.Uint32()
	switch r % 4 {
	case 0:
		return 0
	case 1:
		return []int8{-127, 127}[r>>31]
	}
	return int8(int(r>>8%255) - 127)
}

// extremeScale is any scale; a quarter each is 0 and next to a bound.
func extremeScale(rng *rand.Rand) float32 {
	r := rng.Uint32()
	exponent := []int{-30, 19, -30, -29, -8, -1, 0, 10}[r>>2%8]
	switch {
	case r%4 == 0:
		return 0
	case r%4 == 1:
		return []float32{0x1p-30, 0x1p20}[r>>2%2]
	}
	return float32(math.Ldexp(1+float64(r>>9)/(1<<23), exponent))
}

func extremeEntry(rng *rand.Rand) float32 {
	r := rng.Uint32()
	exponent := []int{-40, -39, -1, 0, 1, 39, 40, 20}[r>>3%8]
	switch {
	case r%4 == 0:
		return 0
	case exponent == 40:
		return float32(math.Ldexp(1-2*float64(r>>2%2), 40))
	}
	return float32(math.Ldexp((1+float64(r>>9)/(1<<23))*(1-2*float64(r>>2%2)), exponent))
}

// populate gives planes to channels: of level l, head h and plane p.
func populate(r *shaders.Records, tables string, rng *rand.Rand) {
	for l := range r.Populations {
		r.Populations[l] = make([]shaders.Population, r.Heads)
	}
	for h := range r.Heads {
		shift := rng.IntN(3) - 1
		for l := range r.Populations {
			for p := range shaders.Planes {
				n := r.HeadDim * (l + shift + 1) / (3 << p) / 3
				switch {
				case tables == "empty" && l < shaders.Levels-1:
					n = 0
				case tables == "extreme":
					n = r.HeadDim * min(1, max(0, l-1-p-h%3)) // all or no channels
				}
				r.Populations[l][h][p] = max(0, min(n, r.HeadDim))
			}
		}
		if tables == "extreme" { // one channel more than whole blocks
			r.Populations[shaders.Levels-1][h] = shaders.Population{r.HeadDim, r.HeadDim, r.HeadDim, r.HeadDim, r.HeadDim, r.HeadDim, r.HeadDim, max(r.HeadDim-7, 33) - 1}
		}
	}
}

// rotation is that of a page and then that of its stretch.
func (p Params) rotation(page int) []float32 {
	return append(p.turn(page), p.turn(-1-page)...)
}

// turn is any rotation, of a number.
func (p Params) turn(number int) []float32 {
	angles := make([]float64, p.Calibrated.Rotary/2)
	out := make([]float32, 0, p.Calibrated.Rotary)
	rng := rand.New(rand.NewPCG(uint64(number), 7))
	for range angles { // any pairs that turn: exact numbers, not those of a library's cosine
		out = append(out, float32(math.Ldexp(float64(rng.IntN(1<<24))-(1<<23), -23)))
	}
	for i := range angles {
		x := float64(out[i])
		out = append(out, float32(1-x*x/2))
	}
	for i, x := range out {
		if math.Abs(float64(x)) < 0x1p-40 {
			out[i] = 0
		}
	}
	return out
}

// rotations are so many turns, as words.
func (p Params) rotations(n int) []uint32 {
	var words []uint32
	for i := range n {
		for _, x := range p.turn(i) {
			words = append(words, math.Float32bits(x))
		}
	}
	return words
}

// codesOf are the full codes of a token's rows, as promotion is supplied with them.
func (c Case) codesOf(t *shaders.Tables, page int, rows []uint32) []uint32 {
	out := make([]uint32, t.CodeWords())
	cpuref.CalibratedCodes(t, c.Params.rotation(page), c.Params.Calibrated.Interleaved, rows, out)
	return out
}
