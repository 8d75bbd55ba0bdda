package report

import (
	"fmt"
	"io"
	"strings"
)

// Compiled is the result of `qaqvk bench --compile-only`: no chip was there,
// all numbers are the driver's.
type Compiled struct {
	Driver    string             `json:"driver"`
	Pipelines []CompiledPipeline `json:"pipelines"`
}

// CompiledPipeline is a kernel under one specialization, compiled for a chip.
type CompiledPipeline struct {
	Kernel            string             `json:"kernel"`
	Variant           string             `json:"variant"` // what the kernel is specialized for, "" for kernels without a choice
	Chip              string             `json:"chip"`
	SubgroupSize      uint32             `json:"subgroup_size"`
	VGPRs             uint64             `json:"vgprs"` // allocated for a subgroup
	SGPRs             uint64             `json:"sgprs"`
	SpilledVGPRs      uint64             `json:"spilled_vgprs"`
	SpilledSGPRs      uint64             `json:"spilled_sgprs"`
	ScratchBytes      uint64             `json:"scratch_bytes"` // private memory of a subgroup
	LDSBytes          uint64             `json:"lds_bytes"`     // shared memory of a workgroup
	CodeBytes         uint64             `json:"code_bytes"`
	Subgroups         uint64             `json:"subgroups_per_simd"`      // most in flight
	MostSubgroups     uint64             `json:"most_subgroups_per_simd"` // those of the copy kernel on the chip
	Latency           uint64             `json:"latency_cycles"`
	InverseThroughput uint64             `json:"inverse_throughput_cycles"` // estimated busy cycles of a subgroup
	Statistics        map[string]float64 `json:"statistics"`                // all, under the driver's names
}

// Name is e.g. encode/f16/d128/a1.
func (p *CompiledPipeline) Name() string {
	if p.Variant == "" {
		return p.Kernel
	}
	return p.Kernel + "/" + p.Variant
}

// Wrong says what a kernel must not do and this one does, "" for nothing:
// spilling registers, and using scratch memory.
func (p *CompiledPipeline) Wrong() string {
	var parts []string
	for _, c := range []struct {
		n    uint64
		what string
	}{{p.SpilledVGPRs, "VGPRs spilled"}, {p.SpilledSGPRs, "SGPRs spilled"}, {p.ScratchBytes, "bytes of scratch"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprint(c.n, " ", c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Err names the pipelines that are wrong, nil if none is.
func (c *Compiled) Err() error {
	var wrong []string
	for _, p := range c.Pipelines {
		if w := p.Wrong(); w != "" {
			wrong = append(wrong, fmt.Sprintf("%s on %s (%s)", p.Name(), p.Chip, w))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("compile only: %d of %d pipelines spill registers or use scratch: %s",
		len(wrong), len(c.Pipelines), strings.Join(wrong, "; "))
}

// WriteCompiled prints one line a kernel, variant and chip.
func WriteCompiled(w io.Writer, c *Compiled) error {
	if _, err := fmt.Fprintf(w, "driver  %s, compiling without hardware\n\n", c.Driver); err != nil {
		return err
	}
	t := newTable(true)
	t.row("chip\tVGPRs\tSGPRs\tspilled V\tspilled S\tscratch B\tLDS B\tsubgroups/SIMD\tlatency\tinv. throughput\tcode B\t ")
	for _, p := range c.Pipelines {
		t.row("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d of %d\t%d\t%d\t%d\t  %s", p.Chip, p.VGPRs, p.SGPRs, p.SpilledVGPRs, p.SpilledSGPRs,
			p.ScratchBytes, p.LDSBytes, p.Subgroups, p.MostSubgroups, p.Latency, p.InverseThroughput, p.CodeBytes, p.Name())
	}
	if err := t.writeTo(w); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nlatency: cycles of a subgroup; inverse throughput: busy cycles a subgroup takes from a SIMD with all others in flight; both estimates")
	return err
}
