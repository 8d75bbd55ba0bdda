package gguf_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

func open(t *testing.T, f *modeltest.File) (*gguf.File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.gguf")
	require.NoError(t, f.Write(path))
	g, err := gguf.Open(path)
	if err == nil {
		t.Cleanup(func() { g.Close() })
	}
	return g, err
}

func TestMetadata(t *testing.T) {
	f := &modeltest.File{}
	f.Set("n", uint32(7))
	f.Set("i", int32(-7))
	f.Set("x", float32(0.5))
	f.Set("b", true)
	f.Set("s", "text")
	f.Set("list", []string{"a b", "", "ü"})
	f.Set("ints", []int32{1, -2})
	g, err := open(t, f)
	require.NoError(t, err)

	n, err := g.Int("n", 0)
	require.NoError(t, err)
	assert.Equal(t, 7, n)
	n, err = g.Int("i", 0)
	require.NoError(t, err)
	assert.Equal(t, -7, n)
	x, err := g.Float("x", 0)
	require.NoError(t, err)
	assert.Equal(t, 0.5, x)
	b, err := g.Bool("b", false)
	require.NoError(t, err)
	assert.True(t, b)
	s, err := g.String("s", "")
	require.NoError(t, err)
	assert.Equal(t, "text", s)
	list, err := g.Strings("list")
	require.NoError(t, err)
	assert.Equal(t, []string{"a b", "", "ü"}, list)
	ints, err := g.Ints("ints")
	require.NoError(t, err)
	assert.Equal(t, []int{1, -2}, ints)
}

func TestMetadataAbsentOrOfWrongType(t *testing.T) {
	f := &modeltest.File{}
	f.Set("s", "text")
	f.Set("x", float32(0.5))
	f.Set("list", []string{"a"})
	g, err := open(t, f)
	require.NoError(t, err)
	n, err := g.Int("absent", 3)
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	list, err := g.Strings("absent")
	require.NoError(t, err)
	assert.Nil(t, list)
	for name, read := range map[string]func() error{
		"text as number":   func() error { _, err := g.Int("s", 0); return err },
		"fraction as int":  func() error { _, err := g.Int("x", 0); return err },
		"number as bool":   func() error { _, err := g.Bool("x", false); return err },
		"text as float":    func() error { _, err := g.Float("s", 0); return err },
		"number as string": func() error { _, err := g.String("x", ""); return err },
		"text as list":     func() error { _, err := g.Strings("s"); return err },
		"texts as ints":    func() error { _, err := g.Ints("list"); return err },
	} {
		require.ErrorIs(t, read(), gguf.ErrKey, name)
	}
}

func TestTensors(t *testing.T) {
	f := &modeltest.File{}
	f.Add(1, "a", quant.Q8_0, 32, 2)
	f.Tensors = append(f.Tensors, modeltest.Tensor{Name: "b", Type: 1, Dims: []int{3}, Data: []byte{0, 0x3c, 0, 0x40, 0, 0xc2}})
	g, err := open(t, f)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, g.Tensors())
	b, err := g.Tensor("b", 3)
	require.NoError(t, err)
	got := make([]float32, b.Elems())
	require.NoError(t, g.ReadF32(b, got))
	assert.Equal(t, []float32{1, 2, -3}, got)
	require.Error(t, g.ReadF32(b, got[:2]))

	_, err = g.Tensor("c", 3)
	require.ErrorIs(t, err, gguf.ErrTensor)
	_, err = g.Tensor("a", 2, 32)
	require.ErrorIs(t, err, gguf.ErrTensor)
	assert.Nil(t, g.Lookup("c"))
}

func TestOpenRejects(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(f *modeltest.File)
		want error
		text string
	}{
		{"cut short", func(f *modeltest.File) { f.Tensor("a").Dims[1] = 64 }, gguf.ErrFormat, "bytes"},
		{"partial block", func(f *modeltest.File) { f.Tensor("a").Dims[0] = 33 }, gguf.ErrFormat, "rows of 33 are no multiple of the 32 elements of a Q8_0 block"},
		{"empty shape", func(f *modeltest.File) { f.Tensor("a").Dims[0] = 0 }, gguf.ErrFormat, "shape [0 2]"},
		{"huge shape", func(f *modeltest.File) { f.Tensor("a").Dims = []int{1 << 40, 1 << 40, 1 << 40} }, gguf.ErrFormat, ""},
		{"unknown type", func(f *modeltest.File) { f.Tensor("a").Type = 200 }, gguf.ErrFormat, ""},
		{"type of no use", func(f *modeltest.File) { f.Tensor("a").Type = 24 }, quant.ErrType, `tensor "a": I8: unsupported weight type`},
		{"twice", func(f *modeltest.File) { f.Add(2, "a", quant.Q8_0, 32) }, gguf.ErrFormat, `tensor "a" appears twice`},
		{"alignment 0", func(f *modeltest.File) { f.Set("general.alignment", uint32(0)) }, gguf.ErrFormat, "damaged header"},
		{"alignment of text", func(f *modeltest.File) { f.Set("general.alignment", "x") }, gguf.ErrFormat, "damaged header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &modeltest.File{}
			f.Add(1, "a", quant.Q8_0, 32, 2)
			c.edit(f)
			_, err := open(t, f)
			require.ErrorIs(t, err, c.want)
			assert.Contains(t, err.Error(), c.text)
			assert.Contains(t, err.Error(), "x.gguf")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// TestDamageNeverPanics opens files that are cut or have one byte changed; they
// may open or fail, but a failure is one line and a tensor stays readable.
func TestDamageNeverPanics(t *testing.T) {
	f := &modeltest.File{}
	f.Set("s", "text")
	f.Set("list", []string{"a", "b"})
	f.Add(1, "a", quant.Q8_0, 32, 2)
	whole, err := f.Bytes()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "x.gguf")
	try := func(data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o644))
		g, err := gguf.Open(path)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		defer g.Close()
		for _, name := range g.Tensors() {
			tensor := g.Lookup(name)
			require.NoError(t, g.ReadF32(tensor, make([]float32, tensor.Elems())))
		}
	}
	for n := range whole {
		try(whole[:n])
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			damaged := append([]byte(nil), whole...)
			damaged[n] ^= flip
			try(damaged)
		}
	}
}
