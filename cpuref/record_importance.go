package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// RecordImportance writes the importance of tokens for each KV head: the largest
// probability that query vectors VectorFirst..VectorEnd-1 gave them, as codes of
// four tokens a word. Tokens that scores do not hold were not seen. No more than
// Words words of a KV head are written.
func RecordImportance(s shaders.Spec, p shaders.RecordImportancePush, frame, scores, importance []uint32) error {
	const k = kernel("record_importance")
	return try(func() {
		r := recorder{p: p, f: openFrame(buffer{k, "frame", frame})}
		at := shaders.ParseImportanceFrame(r.f.words.span(0, shaders.ImportanceFrameWords)).Importance
		t, words := k.tiles(s, p.Vectors), min(uint64(p.Words), (r.f.tokens+3)/4)
		r.check(k, words)
		if p.Heads == 0 || words == 0 {
			return
		}
		r.scores = openScores(buffer{k, "scores", scores}, r.f, t, p.Heads, p.Stride, r.f.tokens)
		out := buffer{k, "importance", importance}.span(uint64(at), uint64(p.Heads-1)*uint64(p.HeadStride)+words)
		parallel(int(p.Heads), int(words*uint64(p.Vectors)), func(first, end int) {
			for h := uint64(first); h < uint64(end); h++ {
				r.record(h, out[h*uint64(p.HeadStride):][:words])
			}
		})
	})
}

type recorder struct {
	p      shaders.RecordImportancePush
	f      frame
	scores scoreTiles
}

func (r *recorder) check(k kernel, words uint64) {
	switch p := r.p; {
	case p.VectorFirst > p.VectorEnd || p.VectorEnd > p.Vectors:
		k.fail("vectors %d to %d: there are %d", p.VectorFirst, p.VectorEnd, p.Vectors)
	case p.Keep > 1:
		k.fail("keep %d: must be 0 or 1", p.Keep)
	case words > uint64(p.HeadStride) && p.Heads > 1:
		k.fail("%d words of a KV head: they lie %d apart", words, p.HeadStride)
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

// largest returns the largest probability of token t for KV head h.
func (r *recorder) largest(h, t uint64) (most float32) {
	if t < r.f.base || t >= r.f.tokens {
		return 0
	}
	for v := uint64(r.p.VectorFirst); v < uint64(r.p.VectorEnd); v++ {
		most = max(most, r.scores.get(h, v, t-r.f.base))
	}
	return most
}

// record writes the importance of tokens for KV head h.
func (r *recorder) record(h uint64, out []uint32) {
	for i, old := range out {
		out[i] = 0
		for j := range 4 {
			code := importanceCode(r.largest(h, uint64(4*i+j)))
			if r.p.Keep == 1 {
				code = max(code, old>>(8*j)&0xff)
			}
			out[i] |= code << (8 * j)
		}
	}
}
