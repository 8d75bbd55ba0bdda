package gguf

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/model/quant"
)

// seeds are files of every kind of value and tensor, and damaged ones.
func seeds(f *testing.F) {
	add := func(file *modeltest.File) {
		data, err := file.Bytes()
		require.NoError(f, err)
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	bigEndian, err := os.ReadFile("testdata/bigendian.gguf")
	require.NoError(f, err)
	f.Add(bigEndian)
	values := &modeltest.File{}
	for i, v := range []any{uint8(1), int8(-1), uint16(2), int16(-2), uint32(3), int32(-3), float32(0.5), true, "text", uint64(4), int64(-4), 0.25,
		[]string{" hi ", "   ", "\xff\xfe"}, []int32{1, -1}, []bool{true, false}} {
		values.Set(string(rune('a'+i)), v)
	}
	values.Set("nested", modeltest.Raw{Type: 9, Data: bytes.Repeat([]byte{9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 6)})
	values.Set("split.no", uint16(1))
	values.Set("split.count", uint16(2))
	add(values)
	tensors := &modeltest.File{}
	tensors.Set("general.alignment", uint32(64))
	for i, kind := range quant.Types() {
		tensors.Add(uint64(i), kind.String(), kind, 256, 1, 2)
	}
	add(tensors)
	damaged := &modeltest.File{}
	damaged.Set("general.alignment", uint32(0))
	damaged.Add(1, "a", quant.Q8_0, 32, 2)
	damaged.Tensors[0].Type = 4
	add(damaged)
}

// FuzzGGUF reads any bytes as a file: a failure is one line that names the file,
// a success has tensors that can be read and values that have their types.
func FuzzGGUF(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &part{path: "fuzz.gguf", data: bytes.NewReader(data), size: int64(len(data))}
		file := &File{path: p.path, parts: []*part{p}}
		err := p.read()
		if err == nil {
			file.meta = p.meta
			err = file.index()
		}
		if err != nil {
			require.ErrorContains(t, err, "gguf: fuzz.gguf")
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, key := range file.Keys() {
			readAs(file, key)
		}
		_, _ = p.split()
		for _, name := range file.Tensors() {
			readAll(t, file.Lookup(name))
		}
	})
}

// readAs reads a value as everything it may be.
func readAs(f *File, key string) {
	_, _ = f.Int(key, 0)
	_, _ = f.Float(key, 0)
	_, _ = f.Bool(key, false)
	_, _ = f.String(key, "")
	_, _ = f.Strings(key)
	_, _ = f.Ints(key)
	_, _ = f.Bools(key)
}

// readAll expands a tensor row by row; what CheckFinite says must be so.
func readAll(t *testing.T, tensor *Tensor) {
	checked := tensor.CheckFinite()
	row := make([]float32, tensor.Dims[0])
	finite := true
	for i := range tensor.Elems() / len(row) {
		require.NoError(t, tensor.Rows(row, i))
		for _, x := range row {
			finite = finite && x-x == 0
		}
	}
	if checked != nil {
		require.ErrorIs(t, checked, ErrFinite)
		require.False(t, strings.Contains(checked.Error(), "\n"))
	}
	require.Equal(t, finite, checked == nil)
}
