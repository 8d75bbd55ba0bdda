package compileonly

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// Every kernel has a case, names are unique, and a case has a value a constant.
func TestCases(t *testing.T) {
	kernels, names := map[string]bool{}, map[string]bool{}
	for _, c := range Cases(nil, nil) {
		require.False(t, names[c.name()], c.name())
		kernels[c.Kernel], names[c.name()] = true, true
		require.NoError(t, shaders.ByName(c.Kernel).CheckSpec(c.Spec))
	}
	require.Len(t, kernels, len(shaders.All()))
	for _, want := range []string{"copy", "decode/f16/d128/a1", "decode/f16/d64/a1", "encode/f16/d128/rows8/a1"} {
		require.Contains(t, names, want)
	}
}

// Variants of a single kernel name kernels and constants that there are.
func TestVariants(t *testing.T) {
	for _, v := range variants {
		require.NoError(t, v.layout().Check())
		if v.kernel == "" {
			continue
		}
		k := shaders.ByName(v.kernel)
		require.NotNil(t, k, v.kernel)
		for name := range v.also {
			require.True(t, has(k, name), "%s %s", v.kernel, name)
		}
	}
}

func has(k *shaders.Kernel, constant string) bool {
	for _, c := range k.Constants {
		if c.Name == constant {
			return true
		}
	}
	return false
}

func TestSpec(t *testing.T) {
	constants := func(names ...string) (out []shaders.Constant) {
		for i, n := range names {
			out = append(out, shaders.Constant{Name: n, ID: uint32(i), Default: 77})
		}
		return out
	}
	cache := constants("WORKGROUP", "LANES", "TYPE", "OUT_TYPE", "HEAD_DIM", "ROWS", "LOW", "HIGH", "NEW")
	narrow, layer := variant{headDim: 64, rows: 1}, variant{headDim: 128, rows: 8}
	for _, c := range []struct {
		name, kernel string
		constants    []shaders.Constant
		v            variant
		tune         map[string]uint32
		variant      string
		want         []uint32
	}{
		{"unknown constants keep their defaults", "new", cache, narrow, nil, "f16/d64/a1", []uint32{128, 77, 1, 1, 64, 1, 1, 1, 77}},
		{"lanes of encode", "encode", cache, layer, nil, "f16/d128/rows8/a1", []uint32{128, 4, 1, 1, 128, 8, 6, 6, 77}},
		{"also", "new", cache, variant{headDim: 64, rows: 1, also: map[string]uint32{"NEW": 5}}, nil, "f16/d64/a1/new5",
			[]uint32{128, 77, 1, 1, 64, 1, 1, 1, 5}},
		{"tuned", "new", cache, narrow, map[string]uint32{"new.LANES": 3, "old.NEW": 4}, "f16/d64/a1", []uint32{128, 3, 1, 1, 64, 1, 1, 1, 77}},
		{"no choice", "new", constants("WORKGROUP"), narrow, nil, "", []uint32{128}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &shaders.Kernel{Name: c.kernel, Constants: c.constants}
			require.Equal(t, c.want, c.v.spec(k, c.tune))
			require.Equal(t, c.variant, c.v.name(k))
		})
	}
}

func TestFilter(t *testing.T) {
	cases := Cases(regexp.MustCompile("^encode/f16/d128/a1$"), map[string]uint32{"encode.LANES": 16})
	require.Len(t, cases, 1)
	require.EqualValues(t, 16, cases[0].Spec[1])
	require.Empty(t, Cases(regexp.MustCompile("^nothing$"), nil))
}
