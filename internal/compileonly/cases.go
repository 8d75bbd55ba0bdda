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

// variant is a setting of a cache that kernels are specialized for.
type variant struct {
	kernel  string // the only one it is for, "" for all
	headDim int
	rows    int               // rows of a group
	also    map[string]uint32 // further constants; shown in the name
}

// variants of f16 caches: what every kernel is compiled for, and then what
// single kernels are compiled for besides.
var variants = []variant{
	{headDim: 128, rows: 1},
	{headDim: 64, rows: 1},
	{kernel: "encode", headDim: 128, rows: 8}, // level layer: several invocations a group
	{kernel: "score", headDim: 128, rows: 1, also: map[string]uint32{"QUERIES": 1}},
	{kernel: "score", headDim: 128, rows: 1, also: map[string]uint32{"QUERIES": 16}},
	{kernel: "score", headDim: 128, rows: 1, also: map[string]uint32{"RING": 1}},
	{kernel: "mix", headDim: 128, rows: 1, also: map[string]uint32{"RING": 1}},
	{kernel: "mix", headDim: 128, rows: 1, also: map[string]uint32{"QUERIES": 16}},
	{kernel: "mix", headDim: 256, rows: 1, also: map[string]uint32{"QUERIES": 8}},
	{kernel: "mix", headDim: 128, rows: 1, also: map[string]uint32{"LANES": 8}}, // subgroups of 8: Intel
}

// Cases are those whose names the filter matches, all for nil. tune replaces
// constants, such as "encode.LANES".
func Cases(filter *regexp.Regexp, tune map[string]uint32) []Case {
	var out []Case
	for _, k := range shaders.All() {
		seen := map[string]bool{}
		for _, v := range variants {
			if v.kernel != "" && v.kernel != k.Name {
				continue
			}
			c := Case{Kernel: k.Name, Variant: v.name(k), Spec: v.spec(k, tune)}
			if seen[c.Variant] || (filter != nil && !filter.MatchString(c.name())) {
				continue
			}
			seen[c.Variant] = true
			out = append(out, c)
		}
	}
	return out
}

func (v variant) layout() shaders.Layout {
	low, high := shaders.Outliers(alpha, v.rows*v.headDim)
	return shaders.Layout{Type: shaders.TypeF16, HeadDim: v.headDim, Rows: v.rows, Low: low, High: high}
}

// spec gives the values of the constants by their names; those that a cache
// does not set keep their defaults.
func (v variant) spec(k *shaders.Kernel, tune map[string]uint32) []uint32 {
	l := v.layout()
	known := map[string]uint32{"WORKGROUP": 128, "TYPE": l.Type, "OUT_TYPE": l.Type, "HEAD_DIM": uint32(l.HeadDim),
		"ROWS": uint32(l.Rows), "LOW": uint32(l.Low), "HIGH": uint32(l.High)}
	if n := lanes(k, l); n > 0 {
		known["LANES"] = n
	}
	spec := make([]uint32, len(k.Constants))
	for i, c := range k.Constants {
		spec[i] = c.Default
		for _, value := range []struct {
			from map[string]uint32
			key  string
		}{{known, c.Name}, {v.also, c.Name}, {tune, k.Name + "." + c.Name}} {
			if n, ok := value.from[value.key]; ok {
				spec[i] = n
			}
		}
	}
	return spec
}

// lanes are the invocations that a cache has a kernel share its work among, 0
// for as many as the kernel itself says.
func lanes(k *shaders.Kernel, l shaders.Layout) uint32 {
	switch k.Name {
	case "encode":
		return uint32(l.EncodeLanes())
	case "mix":
		return 32 // a bit of a plane's word each, as on every GPU with subgroups of 32 and more
	}
	return 0
}

// name has a part for each thing that the kernel can be specialized for.
func (v variant) name(k *shaders.Kernel) string {
	var parts, also []string
	for _, c := range k.Constants {
		if n, ok := v.also[c.Name]; ok {
			also = append(also, fmt.Sprint(strings.ToLower(c.Name), n))
		}
		switch {
		case c.Name == "TYPE":
			parts = append(parts, "f16")
		case c.Name == "HEAD_DIM":
			parts = append(parts, fmt.Sprint("d", v.headDim))
		case c.Name == "ROWS" && v.rows > 1:
			parts = append(parts, fmt.Sprint("rows", v.rows))
		case c.Name == "LOW":
			parts = append(parts, fmt.Sprintf("a%g", alpha*100))
		}
	}
	return strings.Join(append(parts, also...), "/")
}
