package shaders

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSpecialize(t *testing.T) {
	l := Layout{Type: TypeBF16, HeadDim: 128, Rows: 8, Low: 6, High: 5}
	gpu, cpu := Target{SubgroupSize: 64}, Target{SubgroupSize: 4, CPU: true}
	for _, c := range []struct {
		name   string
		kernel *Kernel
		target Target
		want   Spec // workgroup, lanes, staged
	}{
		{"encode, a lane for 1024 elements", Encode, gpu, Spec{Workgroup: 128, Lanes: 1}},
		{"encode on a CPU", Encode, cpu, Spec{Workgroup: 128, Lanes: 1, Staged: 1}},
		{"decode", Decode, cpu, Spec{Workgroup: 128, Lanes: 1}},
		{"score on a GPU", Score, gpu, Spec{Workgroup: 128, Lanes: 1}},
		{"score on a CPU", Score, cpu, Spec{Workgroup: 64, Lanes: 1, Staged: 1}},
		{"score_calibrated on a CPU", ScoreCalibrated, cpu, Spec{Workgroup: 64, Lanes: 1, Staged: 1}},
		{"weighted_sum_calibrated on a GPU", WeightedSumCalibrated, gpu, Spec{Workgroup: 64, Lanes: 1, Staged: 1}},
		{"encode_calibrated on a GPU", EncodeCalibrated, gpu, Spec{Workgroup: 32, Lanes: 1}},
		{"decode_calibrated on a CPU", DecodeCalibrated, cpu, Spec{Workgroup: 32, Lanes: 1}},
		{"arrange_calibrated on a CPU", ArrangeCalibrated, cpu, Spec{Workgroup: 32, Lanes: 1}},
		{"arrange_calibrated on a GPU", ArrangeCalibrated, gpu, Spec{Workgroup: 128, Lanes: 1, Staged: 1}},
		{"arrange_means on a GPU", ArrangeMeans, gpu, Spec{Workgroup: 64, Lanes: 1, Staged: 1}},
		{"combine_calibrated on a CPU", CombineCalibrated, cpu, Spec{Workgroup: 128, Lanes: 1}},
		{"combine_calibrated on a GPU", CombineCalibrated, gpu, Spec{Workgroup: 128, Lanes: 1, Staged: 1}},
		{"softmax on a GPU", Softmax, gpu, Spec{Workgroup: 128, Lanes: 1}},
		{"softmax on a CPU", Softmax, cpu, Spec{Workgroup: 8, Lanes: 1}},
		{"softmax on a CPU of 16", Softmax, Target{16, true}, Spec{Workgroup: 16, Lanes: 1}},
		{"weighted_sum on a GPU", WeightedSum, gpu, Spec{Workgroup: 64, Lanes: 1, Staged: 1}},
		{"weighted_sum on a CPU", WeightedSum, cpu, Spec{Workgroup: 8, Lanes: 1}},
		{"combine", Combine, cpu, Spec{Workgroup: 128, Lanes: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Type, c.want.OutType, c.want.HeadDim, c.want.Rows, c.want.Low, c.want.High = 2, 1, 128, 8, 6, 5
			c.want.Queries, c.want.Ring = 12, 1
			p := Specialize(c.kernel, c.target, Setting{Layout: l, Out: TypeF16, Queries: 12, Ring: true})
			assert.Equal(t, c.want, p.Spec)
			assert.NoError(t, c.kernel.CheckSpec(p.Words()))
		})
	}
	for _, c := range []struct{ headDim, queries, tiles, want int }{
		{128, 8, 1, 1}, {128, 8, 2, 2}, {64, 8, 40, 2}, {128, 4, 40, 1}, {256, 8, 3, 1},
	} {
		l.HeadDim = c.headDim
		s := Setting{Layout: l, Queries: c.queries, Tiles: c.tiles}
		assert.EqualValues(t, c.want, Specialize(Score, cpu, s).Spec.Staged, "%v", c)
		assert.Zero(t, Specialize(Score, gpu, s).Spec.Staged, "%v", c)
		assert.EqualValues(t, 0, Specialize(WeightedSum, cpu, s).Spec.Staged, "%v", c)
	}
	l.HeadDim = 128
	assert.EqualValues(t, 16, Specialize(ArrangeMeans, cpu, Setting{Layout: l, Queries: 4}).Spec.Workgroup)
	assert.EqualValues(t, 8, Specialize(ArrangeCalibrated, cpu, Setting{Layout: l, Queries: 4}).Spec.Workgroup)
}

func TestWorkgroupsAndTuning(t *testing.T) {
	p := Specialize(Encode, Target{}, Setting{Layout: Layout{HeadDim: 128, Rows: 32}}) // 128 invocations, 16 lanes
	assert.EqualValues(t, 0, p.Workgroups(0))
	assert.EqualValues(t, 1, p.Workgroups(8))
	assert.EqualValues(t, 2, p.Workgroups(9))
	p = p.Tune(map[string]uint32{"encode.LANES": 1, "score.LANES": 8})
	assert.EqualValues(t, 1, p.Spec.Lanes)
	assert.EqualValues(t, 2, p.Workgroups(129))
}

func TestWorkgroupsOfAttention(t *testing.T) {
	alone, together := Pipeline{Spec: Spec{Workgroup: 8, HeadDim: 128, Lanes: 1, Queries: 4}}, Pipeline{Spec: Spec{Workgroup: 64, HeadDim: 128, Lanes: 1, Queries: 4, Staged: 1}}
	assert.EqualValues(t, 3, SumWorkgroups(alone, 17))
	assert.EqualValues(t, 17, SumWorkgroups(together, 17))
	assert.EqualValues(t, 3, SoftmaxWorkgroups(alone, 3))
	assert.EqualValues(t, 12, SoftmaxWorkgroups(Pipeline{Spec: Spec{Workgroup: 128, Queries: 4}}, 3))
	assert.EqualValues(t, 3, SoftmaxWorkgroups(Pipeline{Spec: Spec{Workgroup: 64, Queries: 2}}, 3))
	assert.EqualValues(t, 2*1*5, ArrangeWorkgroups(alone, 2, 1, 5))      // 16 channels an invocation
	assert.EqualValues(t, 2*1*5*2, ArrangeWorkgroups(together, 2, 1, 5)) // one
	assert.EqualValues(t, 3*2, MeansWorkgroups(alone, 3, 2, 17))         // 24 vectors, 8 a workgroup, 16 pages
	assert.EqualValues(t, 3*2*2, MeansWorkgroups(together, 3, 2, 17))
	assert.EqualValues(t, 3*5*7, ScoreWorkgroups(together, 3, 5, 7))
	assert.EqualValues(t, 3*2*7, ScoreWorkgroups(Pipeline{Spec: Spec{Staged: 4}}, 3, 5, 7))
	assert.EqualValues(t, 2*3, CombineWorkgroups(alone, 2, 9)) // four vectors
	assert.EqualValues(t, 2*9, CombineWorkgroups(together, 2, 9))
}

func TestTile(t *testing.T) {
	gpu, cpu := Target{SubgroupSize: 32}, Target{CPU: true}
	for _, c := range []struct {
		target                         Target
		headDim, vectors, tokens, want int
	}{
		{gpu, 128, 1, 4096, 1}, {gpu, 128, 2, 4096, 2}, {gpu, 128, 3, 4096, 4}, {gpu, 128, 4, 64, 4},
		{gpu, 128, 9, 64, 12}, {gpu, 128, 16, 64, 16}, {gpu, 128, 17, 64, 4}, {gpu, 128, 48, 64, 16},
		{gpu, 256, 16, 64, 8},
		{cpu, 128, 8, 4096, 4}, {cpu, 128, 9, 1023, 4}, {cpu, 128, 9, 1024, 8}, {cpu, 256, 9, 1024, 8}, {cpu, 128, 1, 1024, 1},
	} {
		assert.Equal(t, c.want, c.target.Tile(c.headDim, c.vectors, c.tokens), "%+v", c)
	}
}
