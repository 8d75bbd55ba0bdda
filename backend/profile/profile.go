package profile

import (
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// CodeBits are the bits of a whole code.
const CodeBits = 8

// Profile is what the calibrated codec knows of a model. Arrays are row-major,
// [2] being keys and values; D is Shape.HeadDim. Load and Validate vouch for
// lengths and values.
type Profile struct {
	Shape policy.Shape
	// Model is the model's fingerprint (internal/model, Fingerprint), in
	// lower-case hex.
	Model string
	// Source says in words what the profile was made from.
	Source string
	RoPE   RoPE
	// PageTokens is the number of tokens, from a multiple of it on, whose keys
	// have a mean in common.
	PageTokens int

	Mean    []float32      // [2][Layers][KVHeads][D]
	Matrix  shaders.Matrix // A, [2][Layers][KVHeads][D channels][D]
	Inverse shaders.Matrix // A⁻¹, [2][Layers][KVHeads][D][D channels]
	Lambda  []float32      // λ, what a unit of squared error counts, falling, [2][Layers][KVHeads][D channels]

	Codebook   Codebook
	Slope      float32 // 4^−θ: what a plane must be worth at level 0
	Importance Importance
	// Use is how often tokens had each level at calibration, the last one being raw,
	// [Layers][Levels+1]; shares, of each layer 1 together.
	Use []float32
}

// Codebook has the tables that all channels share.
type Codebook struct {
	Thresholds     []float32              // [255], rising: the code of z is the number of those that z reaches
	Reconstruction shaders.Reconstruction // what turns codes into values, Table
	Distortion     []float32              // [9], D_b: mean squared error of a channel with b bits kept
}

// Table returns the values of codes of 1 to 8 bits, [2^bits].
func (c Codebook) Table(bits int) []float32 {
	out := make([]float32, 1<<bits)
	for q := range out {
		out[q] = cpuref.Value(c.Reconstruction, bits, q)
	}
	return out
}

// Importance says how the level of a (token, layer) follows from attention:
// with I its decayed sum of shares of squared probabilities divided by the mean over tokens,
// the level is ½·log2((I + Floor)/(1 + Floor)), rounded to half steps.
type Importance struct {
	HalfLife int     // queries after which a share counts half
	Floor    float32 // added to I
	Sink     float32 // a token whose mean share of the squared probabilities of queries exceeds it is kept raw
	Recent   int     // newest tokens, kept raw
	First    int     // first tokens of a text, kept raw
}

// DefaultImportance are the parameters that were measured to be good over kinds
// of text.
func DefaultImportance() Importance {
	return Importance{HalfLife: 64, Floor: 0.1, Sink: 0.4, Recent: 64, First: 4}
}

// Head are the tables of one kind, layer and KV head; they share the profile's
// memory.
type Head struct {
	Mean            []float32      // [D]
	Matrix, Inverse shaders.Matrix // [D][D]
	Lambda          []float32      // [D]
}

// Head returns the tables of a kind, layer and KV head.
func (p *Profile) Head(kind shaders.Kind, layer, head int) Head {
	d := p.Shape.HeadDim
	i := (int(kind)*p.Shape.Layers+layer)*p.Shape.KVHeads + head
	return Head{
		Mean: p.Mean[i*d : (i+1)*d], Lambda: p.Lambda[i*d : (i+1)*d],
		Matrix: partOf(p.Matrix, i, d, d), Inverse: partOf(p.Inverse, i, d, d),
	}
}

// New returns a profile of that shape whose arrays are there and zero.
func New(s policy.Shape) *Profile {
	rows := 2 * s.Layers * s.KVHeads
	return &Profile{
		Shape: s, PageTokens: DefaultPageTokens, Importance: DefaultImportance(),
		Mean: make([]float32, rows*s.HeadDim), Lambda: make([]float32, rows*s.HeadDim),
		Matrix: newMatrix(rows*s.HeadDim, s.HeadDim), Inverse: newMatrix(rows*s.HeadDim, s.HeadDim),
		Codebook: Codebook{Thresholds: make([]float32, 1<<CodeBits-1), Distortion: make([]float32, CodeBits+1)},
		Use:      make([]float32, s.Layers*(Levels+1)),
	}
}

// DefaultPageTokens are the tokens of a page of the cache: twelve words of header to
// 32 tokens are a sixteenth of a bit an element where rows have 192, to 16 an eighth.
const DefaultPageTokens = 32

// Code returns the code of a channel's value: how many thresholds it reaches.
func Code(z float32, thresholds []float32) int {
	low, high := 0, len(thresholds)
	for low < high {
		if middle := (low + high) / 2; z >= thresholds[middle] {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
