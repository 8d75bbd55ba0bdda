package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/report"
)

func TestCompileOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	o := qaqvk(t, nil, "bench", "--compile-only", "--chip", "vega10,gfx1100", "-k", "^(copy$|decode/f16/d64)", "--json", path)
	require.Equal(t, 0, o.status, o.stderr)
	require.Contains(t, o.stdout, "spilled V")
	require.Contains(t, o.stdout, "decode/f16/d64/a1")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var r report.Compiled
	require.NoError(t, json.Unmarshal(data, &r))
	require.Len(t, r.Pipelines, 4)
	for i, chip := range []string{"vega10", "gfx1100", "vega10", "gfx1100"} {
		require.Equal(t, chip, r.Pipelines[i].Chip)
		require.Positive(t, r.Pipelines[i].VGPRs)
		require.Empty(t, r.Pipelines[i].Wrong())
	}
}

// A kernel that spills is in the table, in the results, and an error.
func TestCompileOnlySpills(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	o := qaqvk(t, nil, "bench", "--compile-only", "--chip", "gfx1100", "-k", "^weighted_sum/f16/d128/a1$",
		"--tune", "weighted_sum.STAGED=0,weighted_sum.QUERIES=16", "--json", path)
	o.requireError(t, 1, "1 of 1 pipelines spill", "weighted_sum/f16/d128/a1 on gfx1100 (", "bytes of scratch")
	require.Contains(t, o.stdout, "weighted_sum/f16/d128/a1")
	require.FileExists(t, path)
}

func TestCompileOnlyErrors(t *testing.T) {
	nowhere := []string{"XDG_DATA_DIRS=/no/such", "VK_DRIVER_FILES=", "VK_ICD_FILENAMES="}
	for _, c := range []struct {
		name   string
		env    []string
		args   []string
		status int
		want   string
	}{
		{"no RADV", nowhere, nil, 1, "no RADV (radeon_icd*.json): install mesa-vulkan-drivers, or run make setup"},
		{"unknown chip", nil, []string{"--chip", "voodoo"}, 1, "voodoo: this RADV does not know the chip"},
		{"no name", nil, []string{"--chip", "Vega 10"}, 2, `--chip "Vega 10"`},
		{"no chip", nil, []string{"--chip", ""}, 2, "--chip names no chip"},
		{"device", nil, []string{"--device", "cpu"}, 2, "--device does not go with --compile-only"},
		{"repeat", nil, []string{"--repeat", "3"}, 2, "--repeat does not go with --compile-only"},
		{"tune", nil, []string{"--tune", "weighted_sum.LANES=x"}, 2, "--tune weighted_sum.LANES=x"},
		{"nothing selected", nil, []string{"-k", "^nothing$"}, 1, `no kernel matches "^nothing$"`},
		{"over the limit", nil, []string{"--chip", "vega10", "-k", "^copy", "--tune", "copy.WORKGROUP=99999"}, 1,
			"vega10: copy: vk: pipeline copy: 99999 invocations a workgroup"},
		{"no results file", nil, []string{"--json", "no/such/r.json"}, 1, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := qaqvk(t, c.env, append([]string{"bench", "--compile-only"}, c.args...)...)
			o.requireError(t, c.status, c.want)
			require.Empty(t, o.stdout)
		})
	}
	qaqvk(t, nil, "bench", "--chip", "vega10").requireError(t, 2, "--chip needs --compile-only")
	qaqvk(t, nil, "compile").requireError(t, 2, "compile wants one chip")
	qaqvk(t, nil, "compile", "vega10").requireError(t, 1, "compile only: cases: EOF")
}
