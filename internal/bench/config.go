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

// pipeline is a kernel as the cache builds it, but for what is tuned.
func (c config) pipeline(k *shaders.Kernel) shaders.Pipeline {
	return shaders.Specialize(k, c.limits.Target(), shaders.Setting{Layout: c.layout, Out: c.layout.Type, Queries: perHead}).Tune(c.tune)
}

// spec gives the values of a kernel's constants.
func (c config) spec(k *shaders.Kernel) []uint32 { return c.pipeline(k).Words() }

// workgroups that give each of n items LANES invocations.
func (c config) workgroups(k *shaders.Kernel, n int) uint32 { return c.pipeline(k).Workgroups(n) }

// align rounds words up to the next multiple of unit.
func align(words, unit int) int { return (words + unit - 1) / unit * unit }
