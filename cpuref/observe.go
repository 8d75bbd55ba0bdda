package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// Observe writes the importance of all tokens for each KV head: the largest
// probability that query vectors VectorFirst and on gave them, as codes of
// two tokens a word. Tokens that scores do not hold were not seen.
func Observe(_ shaders.ObserveSpec, p shaders.ObservePush, plan, scores, importance []uint32) error {
	f, err := openFrame(buffer{"observe", "plan", plan})
	if err != nil {
		return err
	}
	words := (f.tokens + 1) / 2
	switch {
	case p.VectorFirst > p.Vectors:
		return argument("observe", "from vector %d: there are %d", p.VectorFirst, p.Vectors)
	case p.Keep > 1:
		return argument("observe", "keep %d: must be 0 or 1", p.Keep)
	case words > uint64(p.HeadStride):
		return argument("observe", "%d words a head: %d tokens need %d", p.HeadStride, f.tokens, words)
	case p.Heads == 0 || words == 0:
		return nil
	}
	vectors := uint64(p.Heads) * uint64(p.Vectors)
	rows, err := openScores(buffer{"observe", "scores", scores}, f, vectors, uint64(p.Stride), f.tokens)
	if err != nil {
		return err
	}
	all := uint64(p.Heads-1)*uint64(p.HeadStride) + words
	out, err := buffer{"observe", "importance", importance}.span(uint64(p.At), all)
	if err != nil {
		return err
	}
	return parallel(int(p.Heads), int(words*uint64(p.Vectors)), func(from, to int) error {
		for h := uint64(from); h < uint64(to); h++ {
			at := h * uint64(p.HeadStride)
			observeHead(p, f, rows, h, out[at:at+words])
		}
		return nil
	})
}

// observeHead writes the importance of all tokens for KV head h.
func observeHead(p shaders.ObservePush, f frame, rows scoreRows, h uint64, out []uint32) {
	most := make([]float32, 2*len(out))
	for v := uint64(p.VectorFirst); v < uint64(p.Vectors); v++ {
		for i, w := range rows.of(h*uint64(p.Vectors)+v, f.tokens-f.base) {
			t := int(f.base) + i
			most[t] = max(most[t], math.Float32frombits(w))
		}
	}
	for i, old := range out {
		low, high := importanceCode(most[2*i]), importanceCode(most[2*i+1])
		if p.Keep != 0 {
			low, high = max(low, old&0xffff), max(high, old>>16)
		}
		out[i] = low | high<<16
	}
}

// importanceCode rounds a probability up to 9 significant bits.
func importanceCode(p float32) uint32 { return (math.Float32bits(p) + 0x7fff) >> 15 }

// importanceOf returns the probability that a code stands for.
func importanceOf(code uint32) float32 { return math.Float32frombits(code << 15) }
