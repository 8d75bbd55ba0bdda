package gguf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// splitModel writes a model of three parts, one tensor each, after an edit of
// part no by edit, and returns their paths.
func splitModel(t *testing.T, edit func(no int, f *modeltest.File)) (paths []string) {
	dir := t.TempDir()
	for no := range 3 {
		f := &modeltest.File{}
		f.Set("split.no", uint16(no))
		f.Set("split.count", uint16(3))
		f.Set("split.tensors.count", int32(3))
		if no == 0 {
			f.Set("general.name", "whole")
		}
		f.Add(uint64(no), fmt.Sprintf("t%d", no), quant.F32, 8, no+1)
		edit(no, f)
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("m-%05d-of-00003.gguf", no+1)))
		require.NoError(t, f.Write(paths[no]))
	}
	return paths
}

func TestSplitModelFromAnyPart(t *testing.T) {
	paths := splitModel(t, func(int, *modeltest.File) {})
	for _, path := range paths {
		f, err := gguf.Open(path)
		require.NoError(t, err)
		defer f.Close()
		assert.Equal(t, path, f.Path())
		assert.Equal(t, paths, f.Paths())
		assert.Equal(t, []string{"t0", "t1", "t2"}, f.Tensors())
		name, err := f.String("general.name", "")
		require.NoError(t, err)
		assert.Equal(t, "whole", name, "the metadata is the first part's")
		for no, name := range f.Tensors() {
			tensor, err := f.Tensor(name, 8, no+1)
			require.NoError(t, err)
			want := make([]float32, tensor.Elems())
			one := &modeltest.File{}
			one.Add(uint64(no), name, quant.F32, 8, no+1)
			require.NoError(t, quant.Expand(want, one.Tensors[0].Data, quant.F32))
			got := make([]float32, tensor.Elems())
			require.NoError(t, tensor.Rows(got, 0))
			assert.Equal(t, want, got, name)
		}
	}
}

func TestSplitModelOfOnePart(t *testing.T) {
	f := &modeltest.File{}
	f.Set("split.no", uint16(0))
	f.Set("split.count", uint16(1))
	f.Add(1, "a", quant.F32, 8)
	_, err := open(t, f)
	require.NoError(t, err)
}

func TestSplitModelMissesAPart(t *testing.T) {
	for missing := range 3 {
		paths := splitModel(t, func(int, *modeltest.File) {})
		require.NoError(t, os.Remove(paths[missing]))
		given := paths[(missing+1)%3]
		_, err := gguf.Open(given)
		require.ErrorIs(t, err, os.ErrNotExist)
		assert.ErrorContains(t, err, fmt.Sprintf("%s: part %d of 3", given, missing+1))
		assert.ErrorContains(t, err, paths[missing])
	}
}

func TestSplitModelRejects(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(no int, f *modeltest.File)
		text string
	}{
		{"no beyond count", func(no int, f *modeltest.File) { f.Set("split.no", uint16(3)) }, "part 4 (split.no 3) of 3"},
		{"count as text", func(no int, f *modeltest.File) { f.Set("split.count", "3") }, "split.count is no whole number"},
		{"other count", func(no int, f *modeltest.File) { f.Set("split.count", uint16(3+no)) }, "m-00002-of-00003.gguf: says that it is part 2 of 4 with 3 tensors in all, want part 2 of 3"},
		{"other number", func(no int, f *modeltest.File) { f.Set("split.no", uint16(0)) }, "m-00002-of-00003.gguf: says that it is part 1 of 3"},
		{"other model", func(no int, f *modeltest.File) { f.Set("split.tensors.count", int32(3+no)) }, "part 2 of 3 with 4 tensors in all"},
		{"too few tensors", func(no int, f *modeltest.File) { f.Set("split.tensors.count", int32(4)) }, "3 tensors in 3 parts, split.tensors.count is 4"},
		{"tensor twice", func(no int, f *modeltest.File) { f.Tensors[0].Name = "t" }, `m-00002-of-00003.gguf: tensor "t" is also in`},
		{"metadata in a later part", func(no int, f *modeltest.File) { f.Set("llama.x", true) }, `m-00002-of-00003.gguf: key "llama.x": only the first part`},
		{"damaged part", func(no int, f *modeltest.File) {
			if no == 2 {
				f.Tensors[0].Type = 4
			}
		}, `part 3 of 3: gguf: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			paths := splitModel(t, c.edit)
			_, err := gguf.Open(paths[0])
			require.ErrorContains(t, err, c.text)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestSplitModelRenamed(t *testing.T) {
	for no := range 3 {
		paths := splitModel(t, func(int, *modeltest.File) {})
		renamed := filepath.Join(filepath.Dir(paths[0]), "model.gguf")
		require.NoError(t, os.Rename(paths[no], renamed))
		_, err := gguf.Open(renamed)
		require.ErrorIs(t, err, gguf.ErrFormat)
		require.EqualError(t, err, fmt.Sprintf("gguf: %s: part %d of 3 of a split model, renamed: its name must end in -%05d-of-00003.gguf for the others to be found: not a usable GGUF file", renamed, no+1, no+1))
	}
}
