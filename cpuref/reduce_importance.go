package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// ReduceImportance writes the weight w of each group (doc.go of shaders, "Bits"): the
// largest importance of its token over the heads and layers of the group and
// the rows that are kept, or 1, and -1 for tokens that too few queries saw.
func ReduceImportance(_ shaders.Spec, p shaders.ReduceImportancePush, plan, importance, want []uint32) error {
	g := grid{p.Groups, p.GroupsPerJob, p.GroupsPerToken}
	if err := g.check("reduce_importance"); err != nil {
		return err
	}
	if p.One > 1 {
		return argument("reduce_importance", "one %d: must be 0 or 1", p.One)
	}
	jobs, err := buffer{"reduce_importance", "plan", plan}.span(uint64(p.Jobs), shaders.WeightJobWords*uint64(g.jobs()))
	if err != nil {
		return err
	}
	out, err := buffer{"reduce_importance", "want", want}.span(0, uint64(p.Groups))
	if err != nil {
		return err
	}
	w := weigher{p, buffer{"reduce_importance", "importance", importance}}
	return parallel(int(p.Groups), int(p.Rows), func(from, to int) error {
		for n := from; n < to; n++ {
			job, token, i := g.place(n)
			weight, err := w.weigh(shaders.ParseWeightJob(jobs[shaders.WeightJobWords*job:]), token, i)
			if err != nil {
				return err
			}
			out[n] = math.Float32bits(weight)
		}
		return nil
	})
}

type weigher struct {
	p          shaders.ReduceImportancePush
	importance buffer
}

// weigh returns the weight of group i of a token of a job.
func (w *weigher) weigh(job shaders.WeightJob, token, i uint64) (float32, error) {
	p, t, at := w.p, uint64(job.Token)+token, uint64(job.Importance)
	if t >= uint64(job.Seen) {
		return -1, nil
	}
	if p.One == 1 {
		return 1, nil
	}
	at += i*uint64(p.Heads)*uint64(p.HeadStride) + t/4
	most := uint32(0)
	for row := range uint64(p.Rows) {
		for layer := range uint64(p.Layers) {
			from := at + row*uint64(p.RowStride) + layer*uint64(p.LayerStride)
			for head := range uint64(p.Heads) {
				word, err := w.importance.word(from + head*uint64(p.HeadStride))
				if err != nil {
					return 0, err
				}
				most = max(most, word>>(t%4*8)&0xff)
			}
		}
	}
	return importanceOf(most), nil
}
