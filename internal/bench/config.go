package bench

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// config is what a case's kernels are built and launched with.
type config struct {
	Case
	layout shaders.Layout
	limits device.Limits
	tune   map[string]uint32
}

func newConfig(c Case, l device.Limits, tune map[string]uint32) config {
	rows := 1
	if c.Layer {
		rows = kvHeads
	}
	low, high := shaders.Outliers(c.Alpha, rows*c.HeadDim)
	return config{Case: c, limits: l, tune: tune, layout: shaders.Layout{
		Type: c.Type, HeadDim: c.HeadDim, Rows: rows, Low: low, High: high,
	}}
}

func (c config) groupsPerToken() int { return kvHeads / c.layout.Rows }
func (c config) groupsPerPage() int  { return pageTokens * c.groupsPerToken() }
func (c config) tokenWords() int     { return kvHeads * c.layout.RawRowWords() }
func (c config) pages() int          { return c.Elements / c.HeadDim / kvHeads / pageTokens }
func (c config) rowWords() int       { return c.pages() * pageTokens * c.tokenWords() }

// spec gives the values of a kernel's constants by their names.
func (c config) spec(k *shaders.Kernel) []uint32 {
	words := make([]uint32, len(k.Constants))
	for i, constant := range k.Constants {
		words[i] = c.constant(k.Name, constant)
	}
	return words
}

func (c config) constant(kernel string, k shaders.Constant) uint32 {
	if v, ok := c.tune[kernel+"."+k.Name]; ok {
		return v
	}
	switch k.Name {
	case "WORKGROUP":
		if kernel == "soften" || kernel == "mix" {
			return uint32(c.limits.AttendWorkgroup())
		}
	case "LANES":
		return c.lanes(kernel)
	case "QUERIES":
		return perHead
	case "STAGED":
		if c.limits.CPU {
			return 1
		}
	case "TYPE", "OUT_TYPE":
		return c.layout.Type
	case "HEAD_DIM":
		return uint32(c.layout.HeadDim)
	case "ROWS":
		return uint32(c.layout.Rows)
	case "LOW":
		return uint32(c.layout.Low)
	case "HIGH":
		return uint32(c.layout.High)
	}
	return k.Default
}

// lanes are as the cache has them.
func (c config) lanes(kernel string) uint32 {
	switch kernel {
	case "encode":
		return uint32(c.layout.EncodeLanes())
	case "mix":
		return uint32(c.limits.MixLanes())
	}
	return 1
}

// value is the chosen value of a constant, 1 where the kernel has it not.
func (c config) value(k *shaders.Kernel, name string) uint32 {
	for _, constant := range k.Constants {
		if constant.Name == name {
			return c.constant(k.Name, constant)
		}
	}
	return 1
}

// workgroups that give each of n items LANES invocations.
func (c config) workgroups(k *shaders.Kernel, n int) uint32 {
	invocations := uint32(n) * c.value(k, "LANES")
	group := c.value(k, "WORKGROUP")
	return (invocations + group - 1) / group
}

// align rounds words up to the next multiple of unit.
func align(words, unit int) int { return (words + unit - 1) / unit * unit }
