package compileonly

import (
	"fmt"
	"strings"

	"github.com/qaqvk/qaqvk/internal/report"
	"github.com/qaqvk/qaqvk/vk"
)

// read takes the numbers that the report names out of those of the driver. It
// fails for a driver that leaves one out: nothing counts as zero unsaid.
func read(executables []vk.Executable, p *report.CompiledPipeline) error {
	if len(executables) != 1 {
		return fmt.Errorf("the driver tells of %d programs, not of one", len(executables))
	}
	p.SubgroupSize = executables[0].SubgroupSize
	p.Statistics = map[string]float64{}
	for _, s := range executables[0].Statistics {
		if !strings.Contains(strings.ToLower(s.Name), "hash") { // no quantity, and too wide for a float
			p.Statistics[s.Name] = s.Value
		}
	}
	for _, field := range []struct {
		name string
		to   *uint64
	}{
		{"VGPRs", &p.VGPRs}, {"SGPRs", &p.SGPRs}, {"Spilled VGPRs", &p.SpilledVGPRs}, {"Spilled SGPRs", &p.SpilledSGPRs},
		{"Scratch size", &p.ScratchBytes}, {"LDS size", &p.LDSBytes}, {"Code size", &p.CodeBytes},
		{"Subgroups per SIMD", &p.Subgroups}, {"Latency", &p.Latency}, {"Inverse Throughput", &p.InverseThroughput},
	} {
		v, ok := p.Statistics[field.name]
		if !ok || v < 0 {
			return fmt.Errorf("the driver does not tell %q", field.name)
		}
		*field.to = uint64(v)
	}
	return nil
}
