package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// RecordImportance writes the importance of tokens for each KV head: the largest
// probability that query vectors VectorFirst..VectorEnd-1 gave them, as codes of
// four tokens a word. Tokens that scores do not hold were not seen. No more than
// Words words of a KV head are written.
func RecordImportance(s shaders.Spec, p shaders.RecordImportancePush, plan, scores, importance []uint32) error {
	f, err := openFrame(buffer{"record_importance", "plan", plan})
	if err != nil {
		return err
	}
	w, err := f.plan.span(0, shaders.ImportanceFrameWords)
	if err != nil {
		return err
	}
	at := shaders.ParseImportanceFrame(w).Importance
	t, err := tilesOf("record_importance", s.HeadDim, s.Queries, uint64(p.Vectors))
	if err != nil {
		return err
	}
	words := min(uint64(p.Words), (f.tokens+3)/4)
	switch {
	case p.VectorFirst > p.VectorEnd || p.VectorEnd > p.Vectors:
		return argument("record_importance", "vectors %d to %d: there are %d", p.VectorFirst, p.VectorEnd, p.Vectors)
	case p.Keep > 1:
		return argument("record_importance", "keep %d: must be 0 or 1", p.Keep)
	case words > uint64(p.HeadStride) && p.Heads > 1:
		return argument("record_importance", "%d words of a KV head: they lie %d apart", words, p.HeadStride)
	case p.Heads == 0 || words == 0:
		return nil
	}
	from, err := openScores(buffer{"record_importance", "scores", scores}, f, t, uint64(p.Heads), p.Stride, f.tokens)
	if err != nil {
		return err
	}
	all := uint64(p.Heads-1)*uint64(p.HeadStride) + words
	out, err := buffer{"record_importance", "importance", importance}.span(uint64(at), all)
	if err != nil {
		return err
	}
	return parallel(int(p.Heads), int(words*uint64(p.Vectors)), func(first, end int) error {
		for h := uint64(first); h < uint64(end); h++ {
			at := h * uint64(p.HeadStride)
			observeHead(p, f, from, h, out[at:at+words])
		}
		return nil
	})
}

// observeHead writes the importance of tokens for KV head h.
func observeHead(p shaders.RecordImportancePush, f frame, scores scoreTiles, h uint64, out []uint32) {
	end := min(f.tokens, 4*uint64(len(out)))
	most := make([]float32, 4*len(out))
	for v := uint64(p.VectorFirst); v < uint64(p.VectorEnd); v++ {
		for t := f.base; t < end; t++ {
			most[t] = max(most[t], math.Float32frombits(scores.words[scores.at(h, v, t-f.base)]))
		}
	}
	for i, old := range out {
		if p.Keep == 0 {
			old = 0
		}
		out[i] = 0
		for k := range 4 {
			code := max(importanceCode(most[4*i+k]), old>>(8*k)&0xff)
			out[i] |= code << (8 * k)
		}
	}
}

// importanceCode returns the code, 0..255, of the least importance that is no
// less than p, 0..1.
func importanceCode(p float32) uint32 {
	if !(p > 0) {
		return 0
	}
	return max((math.Float32bits(p)+0xfffff)>>20, 769) - 768
}

// importanceOf returns the importance that a code stands for.
func importanceOf(code uint32) float32 {
	if code == 0 {
		return 0
	}
	return math.Float32frombits((code + 768) << 20)
}
