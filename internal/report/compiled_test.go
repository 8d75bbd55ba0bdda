package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func compiled() *Compiled {
	return &Compiled{Driver: "radv Mesa 22.3.6", Pipelines: []CompiledPipeline{
		{Kernel: "copy", Chip: "vega10", SubgroupSize: 64, VGPRs: 8, SGPRs: 16, CodeBytes: 72, Subgroups: 10,
			MostSubgroups: 10, Latency: 629, InverseThroughput: 79, Statistics: map[string]float64{"VGPRs": 8}},
		{Kernel: "weighted_sum", Variant: "f16/d128/a1", Chip: "polaris10", SubgroupSize: 64, VGPRs: 256, SGPRs: 64, SpilledVGPRs: 1211,
			SpilledSGPRs: 2, ScratchBytes: 467968, LDSBytes: 5120, CodeBytes: 60268, Subgroups: 1, MostSubgroups: 8,
			Latency: 5672077, InverseThroughput: 5672077},
	}}
}

func TestWriteCompiled(t *testing.T) {
	var got bytes.Buffer
	require.NoError(t, WriteCompiled(&got, compiled()))
	require.Equal(t, `driver  radv Mesa 22.3.6, compiling without hardware

       chip  VGPRs  SGPRs  spilled V  spilled S  scratch B  LDS B  subgroups/SIMD  latency  inv. throughput  code B
     vega10      8     16          0          0          0      0        10 of 10      629               79      72  copy
  polaris10    256     64       1211          2     467968   5120          1 of 8  5672077          5672077   60268  weighted_sum/f16/d128/a1

latency: cycles of a subgroup; inverse throughput: busy cycles a subgroup takes from a SIMD with all others in flight; both estimates
`, got.String())
}

func TestCompiledJSON(t *testing.T) {
	var got bytes.Buffer
	c := compiled()
	c.Pipelines = c.Pipelines[:1]
	require.NoError(t, Print(&got, c))
	require.JSONEq(t, `{"driver": "radv Mesa 22.3.6", "pipelines": [{"kernel": "copy", "variant": "", "chip": "vega10",
		"subgroup_size": 64, "vgprs": 8, "sgprs": 16, "spilled_vgprs": 0, "spilled_sgprs": 0, "scratch_bytes": 0,
		"lds_bytes": 0, "code_bytes": 72, "subgroups_per_simd": 10, "most_subgroups_per_simd": 10, "latency_cycles": 629,
		"inverse_throughput_cycles": 79, "statistics": {"VGPRs": 8}}]}`, got.String())
}

func TestCompiledErr(t *testing.T) {
	c := compiled()
	require.EqualError(t, c.Err(), "compile only: 1 of 2 pipelines spill registers or use scratch: "+
		"weighted_sum/f16/d128/a1 on polaris10 (1211 VGPRs spilled, 2 SGPRs spilled, 467968 bytes of scratch)")
	c.Pipelines[1].SpilledVGPRs, c.Pipelines[1].SpilledSGPRs = 0, 0
	require.ErrorContains(t, c.Err(), "polaris10 (467968 bytes of scratch)")
	c.Pipelines[1].ScratchBytes = 0
	require.NoError(t, c.Err())
}
