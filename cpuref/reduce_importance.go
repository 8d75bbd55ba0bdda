package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ReduceImportance writes the weight w of each group (doc.go of shaders, "Bits"):
// the largest importance of its token over the heads and layers of the group and
// the rows that are kept, or 1, and -1 for tokens that too few queries saw.
func ReduceImportance(_ shaders.Spec, p shaders.ReduceImportancePush, plan, importance, want []uint32) error {
	const k = kernel("reduce_importance")
	return try(func() {
		r := reducer{p, k.grid(p.Groups, p.GroupsPerJob, p.GroupsPerToken), buffer{k, "plan", plan}, buffer{k, "importance", importance}}
		if p.One > 1 {
			k.fail("one %d: must be 0 or 1", p.One)
		}
		out := buffer{k, "want", want}.span(0, uint64(p.Groups))
		parallel(int(p.Groups), int(p.Rows), func(from, to int) {
			for n := from; n < to; n++ {
				out[n] = math.Float32bits(r.weight(n))
			}
		})
	})
}

type reducer struct {
	p                shaders.ReduceImportancePush
	grid             grid
	plan, importance buffer
}

// importanceOf returns the importance that a code stands for.
func importanceOf(code uint32) float32 {
	if code == 0 {
		return 0
	}
	return math.Float32frombits((code + 768) << 20)
}

// weight returns the weight of group n.
func (r *reducer) weight(n int) float32 {
	number, token, i := r.grid.place(n)
	job := jobAt(r.plan, uint64(r.p.Jobs), shaders.WeightJobWords, number, shaders.ParseWeightJob)
	p, t := r.p, uint64(job.Token)+token
	switch {
	case t >= uint64(job.Seen):
		return -1
	case p.One == 1:
		return 1
	}
	at := uint64(job.Importance) + i*uint64(p.Heads)*uint64(p.HeadStride) + t/4
	most := uint32(0)
	for row := range uint64(p.Rows) {
		for layer := range uint64(p.Layers) {
			for head := range uint64(p.Heads) {
				word := r.importance.word(at + row*uint64(p.RowStride) + layer*uint64(p.LayerStride) + head*uint64(p.HeadStride))
				most = max(most, word>>(t%4*8)&0xff)
			}
		}
	}
	return importanceOf(most)
}
