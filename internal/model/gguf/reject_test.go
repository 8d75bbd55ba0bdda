package gguf_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

func TestOpenRejects(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(f *modeltest.File)
		want error
		text string
	}{
		{"cut short", func(f *modeltest.File) { f.Tensor("a").Dims[1] = 64 }, gguf.ErrFormat, "bytes"},
		{"partial block", func(f *modeltest.File) { f.Tensor("a").Dims[0] = 33 }, gguf.ErrFormat, "rows of 33 are no multiple of the 32 elements of a Q8_0 block"},
		{"empty shape", func(f *modeltest.File) { f.Tensor("a").Dims[0] = 0 }, gguf.ErrFormat, "shape [0 2], want 1 to 2^48 elements"},
		{"huge shape", func(f *modeltest.File) { f.Tensor("a").Dims = []int{1 << 40, 1 << 40, 1 << 40} }, gguf.ErrFormat, "shape [1099511627776"},
		{"unknown type", func(f *modeltest.File) { f.Tensor("a").Type = 200 }, quant.ErrType, `tensor "a": type 200: unsupported weight type`},
		{"removed type", func(f *modeltest.File) { f.Tensor("a").Type = 4 }, quant.ErrType, `tensor "a": Q4_2 (type 4, removed from the format): unsupported`},
		{"type of no use", func(f *modeltest.File) { f.Tensor("a").Type = 24 }, quant.ErrType, `tensor "a": I8: unsupported weight type`},
		{"no dimensions", func(f *modeltest.File) { f.Tensor("a").Dims = nil }, gguf.ErrFormat, "0 dimensions, want 1 to 4"},
		{"five dimensions", func(f *modeltest.File) { f.Tensor("a").Dims = []int{32, 1, 1, 1, 1} }, gguf.ErrFormat, "5 dimensions"},
		{"long name", func(f *modeltest.File) { f.Tensor("a").Name = strings.Repeat("a", 1025) }, gguf.ErrFormat, "string of 1025 bytes"},
		{"long key", func(f *modeltest.File) { f.Set(strings.Repeat("k", 65536), true) }, gguf.ErrFormat, "limit 65535"},
		{"key twice", func(f *modeltest.File) { f.KVs = []modeltest.KV{{Key: "k", Value: true}, {Key: "k", Value: false}} }, gguf.ErrFormat, `key "k" appears twice`},
		{"value type", func(f *modeltest.File) { f.Set("k", modeltest.Raw{Type: 13}) }, gguf.ErrFormat, `key "k": value of type 13 (known: 0 to 12)`},
		{"truth value", func(f *modeltest.File) { f.Set("k", modeltest.Raw{Type: 7, Data: []byte{2}}) }, gguf.ErrFormat, `key "k": truth value 2`},
		{"endless string", func(f *modeltest.File) { f.Set("k", modeltest.Raw{Type: 8, Data: le(1 << 62)}) }, gguf.ErrFormat, `key "k": string of 4611686018427387904 bytes`},
		{"long string", func(f *modeltest.File) { f.Set("k", modeltest.Raw{Type: 8, Data: le(1 << 20)}) }, gguf.ErrFormat, `key "k": 1048576 bytes of a string`},
		{"endless array", func(f *modeltest.File) { f.Set("k", array(10, 1<<61)) }, gguf.ErrFormat, `key "k": 2305843009213693952 uint64 elements of an array`},
		{"endless texts", func(f *modeltest.File) { f.Set("k", array(8, 1<<40)) }, gguf.ErrFormat, "1099511627776 string elements"},
		{"nested", func(f *modeltest.File) { f.Set("k", nest(5)) }, gguf.ErrFormat, "arrays nested more than 4 deep"},
		{"nested a million times", func(f *modeltest.File) { f.Set("k", nest(1_000_000)) }, gguf.ErrFormat, "arrays nested more than 4 deep"},
		{"overlap", func(f *modeltest.File) {
			f.Add(2, "b", quant.F32, 64)
			f.Tensors[0].Data = nil // its place, not its size
		}, gguf.ErrFormat, `tensors "a" and "b" overlap`},
		{"alignment 12", func(f *modeltest.File) { f.Set("general.alignment", uint32(12)) }, gguf.ErrFormat, "general.alignment is 12, want a power of two up to 1048576"},
		{"alignment 2^31", func(f *modeltest.File) { f.Set("general.alignment", uint32(1<<31)) }, gguf.ErrFormat, "general.alignment is 2147483648"},
		{"twice", func(f *modeltest.File) { f.Add(2, "a", quant.Q8_0, 32) }, gguf.ErrFormat, `tensor "a" appears twice`},
		{"alignment 0", func(f *modeltest.File) { f.Set("general.alignment", uint32(0)) }, gguf.ErrFormat, "general.alignment is 0, want a power of two"},
		{"alignment of text", func(f *modeltest.File) { f.Set("general.alignment", "x") }, gguf.ErrFormat, "general.alignment is of type string, want uint32"},
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

// le returns little-endian bytes of numbers.
func le(numbers ...uint64) (out []byte) {
	for _, n := range numbers {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	return out
}

// array is the head of an array of that many elements of a type.
func array(elem uint32, count uint64) modeltest.Raw {
	return modeltest.Raw{Type: 9, Data: append(binary.LittleEndian.AppendUint32(nil, elem), le(count)...)}
}

// nest is an array with others in it, so many deep.
func nest(depth int) modeltest.Raw {
	outer, inner := array(9, 1).Data, array(4, 0).Data
	return modeltest.Raw{Type: 9, Data: append(bytes.Repeat(outer, depth-1), inner...)}
}

func TestVersions(t *testing.T) {
	f := &modeltest.File{}
	f.Add(1, "a", quant.Q8_0, 32, 2)
	data, err := f.Bytes()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "x.gguf")
	for _, c := range []struct {
		version []byte
		text    string
	}{
		{[]byte{2, 0, 0, 0}, ""},
		{[]byte{1, 0, 0, 0}, "GGUF version 1 is no longer read (readable: 2, 3)"},
		{[]byte{4, 0, 0, 0}, "GGUF version 4 (readable: 2, 3)"},
		{[]byte{0, 0, 0, 0}, "GGUF version 0"},
		{[]byte{0, 0, 0, 3}, "a big-endian file (version 3): only little-endian files are read"},
	} {
		copy(data[4:], c.version)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		g, err := gguf.Open(path)
		if c.text == "" {
			require.NoError(t, err)
			require.NoError(t, g.Close())
			continue
		}
		require.ErrorIs(t, err, gguf.ErrFormat)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, c.text)
	}
}

func TestOffsets(t *testing.T) {
	f := &modeltest.File{}
	f.Add(1, "a", quant.Q8_0, 32, 2)
	data, err := f.Bytes()
	require.NoError(t, err)
	at := bytes.Index(data, []byte("a")) + 1 + 4 + 16 + 4
	path := filepath.Join(t.TempDir(), "x.gguf")
	for offset, text := range map[uint64]string{
		16: "offset 16 is no multiple of the alignment 32", 32: "68 bytes at 128 end behind the file", 1 << 63: "offset 9223372036854775808 lies behind the file",
	} {
		copy(data[at:], le(offset))
		require.NoError(t, os.WriteFile(path, data, 0o644))
		_, err := gguf.Open(path)
		require.ErrorIs(t, err, gguf.ErrFormat)
		require.ErrorContains(t, err, `tensor "a": `+text)
	}
}

// A file that is cut short after it was opened gives an error that names it.
func TestFileCutWhileOpen(t *testing.T) {
	f := &modeltest.File{}
	f.Add(1, "a", quant.Q8_0, 32, 2)
	path := filepath.Join(t.TempDir(), "x.gguf")
	require.NoError(t, f.Write(path))
	g, err := gguf.Open(path)
	require.NoError(t, err)
	defer g.Close()
	require.NoError(t, os.Truncate(path, 100))
	err = g.Lookup("a").Rows(make([]float32, 64), 0)
	require.ErrorIs(t, err, io.EOF)
	require.ErrorContains(t, err, path+`: tensor "a": 68 bytes at 96`)
}

func TestOpenTakesOnlyFiles(t *testing.T) {
	for _, path := range []string{t.TempDir(), "/dev/zero"} {
		_, err := gguf.Open(path)
		require.ErrorIs(t, err, gguf.ErrFormat)
		require.EqualError(t, err, "gguf: "+path+": no regular file: not a usable GGUF file")
	}
	_, err := gguf.Open(filepath.Join(t.TempDir(), "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
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
			require.NoError(t, tensor.Rows(make([]float32, tensor.Elems()), 0))
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
