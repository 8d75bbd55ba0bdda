package bench

import (
	"math"
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// shares of tokens by level, as adaptation leaves a long text.
var shares = [shaders.Levels]float32{0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05, 0.03, 0.015, 0.005}

// ratedProfile is a profile of one layer for so many stored bits an element over shares:
// matrices that turn nothing, and costs that fall by a factor of 4,096 over a row.
func ratedProfile(c Case) (*profile.Profile, error) {
	d := c.HeadDim
	p := profile.New(policy.Shape{Layers: 1, KVHeads: kvHeads, HeadDim: d})
	p.Model, p.RoPE = "", profile.RoPE{Halves: true, Speeds: make([]float64, d/2)}
	for i := range p.RoPE.Speeds {
		p.RoPE.Speeds[i] = math.Pow(10000, -float64(2*i)/float64(d))
	}
	for at := range p.Lambda {
		p.Lambda[at] = float32(math.Exp2(-12 * float64(at%d) / float64(d)))
		p.Mean[at] = float32(at%7) / 8
		p.Matrix.Bytes[at*d+at%d], p.Inverse.Bytes[at*d+at%d], p.Matrix.Scales[at], p.Inverse.Scales[at] = 1, 1, 1, 1
	}
	for k := range p.Codebook.Thresholds {
		p.Codebook.Thresholds[k] = float32(2.2 * math.Sqrt2 * math.Erfinv(float64(k+1)/128-1))
	}
	p.Codebook.Reconstruction = shaders.Reconstruction{Magnitudes: [7]uint8{28, 17, 58, 9, 27, 48, 84}, Coefficients: [4]float32{88, 30, -21, 55}}
	copy(p.Codebook.Distortion, []float32{1.296, .535, .198, .0697, .0261, .0110, .0053, .0028, .0016})
	p.Use = append(shares[:len(shares):len(shares)], 0)
	p.Slope = 1
	return p.ForBits(c.Rate)
}

// ratedLevels are levels of n tokens in the proportions of shares.
func ratedLevels(r *rand.Rand, n int) []uint8 {
	levels := make([]uint8, n)
	for t := range levels {
		for u := r.Float32(); levels[t] < shaders.Levels-1 && u >= shares[levels[t]]; levels[t]++ {
			u -= shares[levels[t]]
		}
	}
	return levels
}

// observed are probabilities of one query that give tokens levels in about the
// proportions of shares, [query head][token].
func observed(r *rand.Rand, tokens int) []float32 {
	probs, sum := make([]float32, queryHeads*tokens), 0.0
	for t := range tokens {
		p := math.Exp(1.1 * r.NormFloat64()) // squares spread over 3.2 octaves each way
		probs[t] = float32(p)
		sum += p
	}
	for t := range tokens {
		probs[t] /= float32(sum)
	}
	for h := 1; h < queryHeads; h++ {
		copy(probs[h*tokens:][:tokens], probs)
	}
	return probs
}
