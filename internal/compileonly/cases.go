package compileonly

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/qaqvk/qaqvk/shaders"
)

// Case is a kernel under one specialization.
type Case struct {
	Kernel  string
	Variant string // f16/d128/a1: type, head dimension, outliers in percent, as far as the kernel has them
	Spec    []uint32
}

func (c Case) name() string {
	if c.Variant == "" {
		return c.Kernel
	}
	return c.Kernel + "/" + c.Variant
}

// alpha is the share of outliers of all variants.
const alpha = 0.01

// variant is a cache on a GPU, and a call.
type variant struct {
	kernel  *shaders.Kernel // the only one it is for, nil for all
	headDim int
	rows    int    // rows of a group
	vectors int    // query vectors of a KV head
	ring    bool   // kernels read the recent window
	also    string // what sets it apart, in the name
}

// variants of f16 caches: what every kernel is compiled for, and then what
// single kernels are compiled for besides.
var variants = []variant{
	{headDim: 128, rows: 1, vectors: 4},
	{headDim: 64, rows: 1, vectors: 4},
	{kernel: shaders.Encode, headDim: 128, rows: 8, vectors: 4},  // level layer
	{kernel: shaders.Encode, headDim: 128, rows: 32, vectors: 4}, // level token: several invocations a group
	{kernel: shaders.Score, headDim: 128, rows: 1, vectors: 1, also: "queries1"},
	{kernel: shaders.Score, headDim: 128, rows: 1, vectors: 16, also: "queries16"},
	{kernel: shaders.Score, headDim: 128, rows: 1, vectors: 4, ring: true, also: "ring1"},
	{kernel: shaders.WeightedSum, headDim: 128, rows: 1, vectors: 4, ring: true, also: "ring1"},
	{kernel: shaders.WeightedSum, headDim: 128, rows: 1, vectors: 16, also: "queries16"},
	{kernel: shaders.WeightedSum, headDim: 256, rows: 1, vectors: 8, also: "queries8"},
	{kernel: shaders.ScoreCalibrated, headDim: 128, rows: 8, vectors: 16, also: "queries16"},
	{kernel: shaders.WeightedSumCalibrated, headDim: 128, rows: 8, vectors: 16, also: "queries16"},
}

// Cases are those whose names the filter matches, all for nil. tune replaces
// constants, such as "encode.LANES".
func Cases(filter *regexp.Regexp, tune map[string]uint32) []Case {
	var out []Case
	for _, k := range shaders.All() {
		seen := map[string]bool{}
		for _, v := range variants {
			if v.kernel != nil && v.kernel != k {
				continue
			}
			c := Case{Kernel: k.Name, Variant: v.name(k), Spec: v.pipeline(k).Tune(tune).Words()}
			if seen[c.Variant] || (filter != nil && !filter.MatchString(c.name())) {
				continue
			}
			seen[c.Variant] = true
			out = append(out, c)
		}
	}
	return out
}

// pipeline is the kernel as the cache builds it.
func (v variant) pipeline(k *shaders.Kernel) shaders.Pipeline {
	low, high := shaders.Outliers(alpha, v.rows*v.headDim)
	l := shaders.Layout{Type: shaders.TypeF16, HeadDim: v.headDim, Rows: v.rows, Low: low, High: high}
	gpu := shaders.Target{SubgroupSize: 32}
	return shaders.Specialize(k, gpu, shaders.Setting{
		Layout: l, Out: l.Type, Queries: gpu.Tile(v.headDim, v.vectors, 4096), Ring: v.ring,
	})
}

// name has a part for each thing that the kernel can be specialized for.
func (v variant) name(k *shaders.Kernel) string {
	if len(k.Constants) == 1 {
		return ""
	}
	parts := []string{"f16", fmt.Sprint("d", v.headDim)}
	if v.rows > 1 {
		parts = append(parts, fmt.Sprint("rows", v.rows))
	}
	parts = append(parts, fmt.Sprintf("a%g", alpha*100))
	if v.also != "" {
		parts = append(parts, v.also)
	}
	return strings.Join(parts, "/")
}
