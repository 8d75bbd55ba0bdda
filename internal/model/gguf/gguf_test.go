package gguf_test

import (
	"path/filepath"
	"reflect"
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
	require.NoError(t, b.Rows(got, 0))
	assert.Equal(t, []float32{1, 2, -3}, got)
	require.ErrorContains(t, b.Rows(got[:2], 0), `tensor "b": 2 elements from row 0 on, rows of 3, 3 elements in all`)
	require.Error(t, b.Rows(got, 1))
	require.Error(t, b.Rows(got, -1))

	a := g.Lookup("a")
	both, second := make([]float32, 64), make([]float32, 32)
	require.NoError(t, a.Rows(both, 0))
	require.NoError(t, a.Rows(second, 1))
	assert.Equal(t, both[32:], second)
	assert.Equal(t, int64(68), a.Bytes())

	_, err = g.Tensor("c", 3)
	require.ErrorIs(t, err, gguf.ErrTensor)
	_, err = g.Tensor("a", 2, 32)
	require.ErrorIs(t, err, gguf.ErrTensor)
	assert.Nil(t, g.Lookup("c"))
}

func TestNestedArraysAreReadOver(t *testing.T) {
	f := &modeltest.File{}
	f.Set("deep", nest(4))
	f.Set("after", uint64(7))
	g, err := open(t, f)
	require.NoError(t, err)
	n, err := g.Int("after", 0)
	require.NoError(t, err)
	assert.Equal(t, 7, n)
	_, err = g.Ints("deep")
	require.ErrorIs(t, err, gguf.ErrKey)
}

func TestNumbersOfEveryType(t *testing.T) {
	for _, v := range []any{uint8(250), int8(-3), uint16(65000), int16(-300), uint32(7), int32(-7), uint64(1 << 40), int64(-1 << 40), float32(0.5), 0.25} {
		f := &modeltest.File{}
		f.Set("k", v)
		g, err := open(t, f)
		require.NoError(t, err)
		x, err := g.Float("k", 0)
		require.NoError(t, err)
		assert.EqualValues(t, v, reflect.ValueOf(x).Convert(reflect.TypeOf(v)).Interface())
	}
}

// Strings are byte for byte what the file has: white space at their ends and
// bytes that are no UTF-8 included.
func TestStringsAreExact(t *testing.T) {
	want := []string{" hi ", "   ", "\t", "", "\xff\xfe", "a\x00b"}
	f := &modeltest.File{}
	f.Set("list", want)
	f.Set("text", " \n ")
	g, err := open(t, f)
	require.NoError(t, err)
	list, err := g.Strings("list")
	require.NoError(t, err)
	assert.Equal(t, want, list)
	text, err := g.String("text", "")
	require.NoError(t, err)
	assert.Equal(t, " \n ", text)
	assert.Equal(t, []string{"list", "text"}, g.Keys())
}

func TestCheckFinite(t *testing.T) {
	f := &modeltest.File{}
	f.Add(1, "a", quant.F32, 600_000)
	copy(f.Tensor("a").Data[4*555_555:], []byte{0, 0, 0x80, 0xff})
	g, err := open(t, f)
	require.NoError(t, err)
	err = g.Lookup("a").CheckFinite()
	require.ErrorIs(t, err, gguf.ErrFinite)
	require.ErrorContains(t, err, `tensor "a": element 555555 is -Inf`)
}
