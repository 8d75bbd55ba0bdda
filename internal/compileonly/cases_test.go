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

// Cases are what a cache on a GPU builds.
func TestCasesAreWhatACacheBuilds(t *testing.T) {
	spec := map[string]shaders.Spec{}
	for _, c := range Cases(nil, nil) {
		spec[c.name()] = shaders.ParseSpec(c.Spec)
	}
	require.EqualValues(t, shaders.Spec{Workgroup: 128, Lanes: 1, Type: 1, OutType: 1, HeadDim: 128, Rows: 8, Low: 6, High: 6, Queries: 4},
		spec["encode/f16/d128/rows8/a1"])
	for name, want := range map[string][3]uint32{ // invocations, lanes, queries
		"weighted_sum/f16/d128/a1": {64, 1, 4}, "weighted_sum/f16/d128/a1/queries16": {64, 1, 16}, "weighted_sum/f16/d256/a1/queries8": {64, 1, 8},
		"encode/f16/d128/rows32/a1": {128, 16, 4}, "softmax/f16/d128/a1": {128, 1, 4},
		"score/f16/d128/a1/queries1": {128, 1, 1}, "score/f16/d128/a1/queries16": {128, 1, 16},
	} {
		s := spec[name]
		require.Equal(t, want, [3]uint32{s.Workgroup, s.Lanes, s.Queries}, name)
	}
	require.EqualValues(t, 1, spec["score/f16/d128/a1/ring1"].Ring)
}

func TestFilter(t *testing.T) {
	cases := Cases(regexp.MustCompile("^encode/f16/d128/a1$"), map[string]uint32{"encode.LANES": 16})
	require.Len(t, cases, 1)
	require.EqualValues(t, 16, cases[0].Spec[1])
	require.Empty(t, Cases(regexp.MustCompile("^nothing$"), nil))
}
