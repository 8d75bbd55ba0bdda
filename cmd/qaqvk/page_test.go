package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// pageFile writes the example page of the default layout so many times.
func pageFile(t *testing.T, times int) string {
	low, high := shaders.Outliers(0.01, 64)
	words, err := examplePage(shaders.Layout{Type: shaders.TypeF16, HeadDim: 64, Rows: 1, Low: low, High: high})
	require.NoError(t, err)
	var data []byte
	for range times {
		for _, w := range words {
			data = append(data, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
		}
	}
	return writeBytes(t, data)
}

func writeBytes(t *testing.T, data []byte) string {
	path := filepath.Join(t.TempDir(), "page")
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

// A page of a file prints as the same page that was made here, and so does the
// next one in the file.
func TestPage(t *testing.T) {
	example := qaqvk(t, nil, "page", "--example", "--groups-per-token", "2")
	require.Equal(t, 0, example.status, example.stderr)
	for _, line := range []string{
		"page version 1, f16, 512 bytes: 8 groups of 1 x 64 elements, 1 of which cannot be quantized",
		"codes                     28         100",
		"1      3 2",
		"2      3        -0.96875  0.96875  6      0=-1          7=20",
		"5      evicted  -0.96875  0.96875  0      0=-1          7=20",
		"7      raw      -         -        32     -             -",
	} {
		require.Contains(t, example.stdout, line+"\n")
	}
	file := qaqvk(t, nil, "page", "--groups-per-token", "2", pageFile(t, 2))
	require.Equal(t, 0, file.status, file.stderr)
	require.Equal(t, strings.Repeat(example.stdout+"\n", 2), file.stdout+"\n")
}

func TestPageOfEveryType(t *testing.T) {
	for _, typ := range []string{"f32", "f16", "bf16"} {
		o := qaqvk(t, nil, "page", "--example", "--type", typ, "--head-dim", "40", "--rows", "3", "--alpha", "0")
		require.Equal(t, 0, o.status, o.stderr)
		require.Contains(t, o.stdout, "page version 1, "+typ+", ")
		require.Contains(t, o.stdout, "8 groups of 3 x 40 elements, 1 of which cannot be quantized\n")
	}
}

func TestPageErrors(t *testing.T) {
	good := pageFile(t, 1)
	for _, c := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"nothing", nil, 2, "page wants one file, or --example"},
		{"two files", []string{good, good}, 2, "page wants one file, or --example"},
		{"both", []string{good, "--example"}, 2, "--example and " + good},
		{"no file", []string{"no/such"}, 1, "no/such: no such file"},
		{"empty", []string{writeBytes(t, nil)}, 1, "is empty"},
		{"half a word", []string{writeBytes(t, []byte("QAQAQ"))}, 1, "5 bytes: pages are words of four"},
		{"no page", []string{writeBytes(t, []byte("no page of qaqvk"))}, 1, "invalid page: magic 0x"},
		{"other rows", []string{good, "--head-dim", "128"}, 1, "invalid page: size 128 words: its groups need"},
		{"no type", []string{good, "--type", "f8"}, 2, "must be one of [f32 f16 bf16]"},
		{"odd rows", []string{good, "--head-dim", "33"}, 1, "head dimension 33"},
		{"odd example", []string{"--example", "--rows", "512"}, 1, "512 rows of 64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := qaqvk(t, nil, append([]string{"page"}, c.args...)...)
			o.requireError(t, c.status, c.want)
			require.Empty(t, o.stdout)
		})
	}
}
