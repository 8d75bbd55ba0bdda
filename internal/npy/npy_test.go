package npy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	w, err := Create(path, 2, 2)
	require.NoError(t, err)
	require.NoError(t, w.Write([]float32{1, -2}))
	require.NoError(t, w.Write([]float32{0.5, 0}))
	require.NoError(t, w.Close())
	w.Discard()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, data, 128+16)
	require.Equal(t, "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", string(data[:69]))
	require.Equal(t, byte('\n'), data[127])
	require.Equal(t, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f, 0, 0, 0, 0}, data[128:])
}

func TestWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(filepath.Join(dir, "a.npy"), 2, 2)
	require.NoError(t, err)
	require.NoError(t, w.Write([]float32{1}))
	require.EqualError(t, w.Close(), "npy: "+filepath.Join(dir, "a.npy")+": 1 of 4 values")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = Create(filepath.Join(dir, "no", "a.npy"), 1, 1)
	require.ErrorIs(t, err, os.ErrNotExist)

	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	w, err = Create(filepath.Join(dir, "b.npy"), 1, 1<<20)
	require.NoError(t, err)
	w.file.Close()
	os.Remove(w.file.Name())
	w.file = full
	w.out.Reset(full)
	require.ErrorContains(t, w.Write(make([]float32, 1<<20)), "b.npy: no space left on device")
}
