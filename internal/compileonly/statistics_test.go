package compileonly

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/report"
	"github.com/qaqvk/qaqvk/vk"
)

// told is what RADV of Mesa 22.3 tells, with values that are all different.
func told() []vk.Executable {
	e := vk.Executable{Name: "Compute Shader", SubgroupSize: 64}
	for i, name := range []string{"Driver pipeline hash", "SGPRs", "VGPRs", "Spilled SGPRs", "Spilled VGPRs", "Code size",
		"LDS size", "Scratch size", "Subgroups per SIMD", "Hash", "Instructions", "Latency", "Inverse Throughput"} {
		e.Statistics = append(e.Statistics, vk.Statistic{Name: name, Value: float64(i)})
	}
	return []vk.Executable{e}
}

func TestRead(t *testing.T) {
	var got report.CompiledPipeline
	require.NoError(t, read(told(), &got))
	require.Equal(t, report.CompiledPipeline{SubgroupSize: 64, SGPRs: 1, VGPRs: 2, SpilledSGPRs: 3, SpilledVGPRs: 4,
		CodeBytes: 5, LDSBytes: 6, ScratchBytes: 7, Subgroups: 8, Latency: 11, InverseThroughput: 12,
		Statistics: map[string]float64{"SGPRs": 1, "VGPRs": 2, "Spilled SGPRs": 3, "Spilled VGPRs": 4, "Code size": 5,
			"LDS size": 6, "Scratch size": 7, "Subgroups per SIMD": 8, "Instructions": 10, "Latency": 11, "Inverse Throughput": 12}}, got)
}

// Nothing that is not told counts as zero.
func TestReadRefuses(t *testing.T) {
	var p report.CompiledPipeline
	require.EqualError(t, read(nil, &p), "the driver tells of 0 programs, not of one")
	require.EqualError(t, read(append(told(), told()...), &p), "the driver tells of 2 programs, not of one")
	without := told()
	without[0].Statistics[4].Name = "Something"
	require.EqualError(t, read(without, &p), `the driver does not tell "Spilled VGPRs"`)
	negative := told()
	negative[0].Statistics[7].Value = -1
	require.EqualError(t, read(negative, &p), `the driver does not tell "Scratch size"`)
}
