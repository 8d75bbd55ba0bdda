package gguf_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

func fingerprint(t *testing.T, name string, m *modeltest.File) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, m.Write(path))
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	out, err := f.Fingerprint()
	require.NoError(t, err)
	return out
}

func TestFingerprintIsOfTheWeights(t *testing.T) {
	m := modeltest.Tiny(3)
	first := fingerprint(t, "a.gguf", m)
	assert.Len(t, first, 64)
	m.Set("general.name", "other")
	assert.Equal(t, first, fingerprint(t, "b.gguf", m))
	last := len(m.Tensors) - 1
	m.Tensors[0], m.Tensors[last] = m.Tensors[last], m.Tensors[0]
	assert.Equal(t, first, fingerprint(t, "a.gguf", m), "places do not count")
	m.Tensors[5].Data[7] ^= 1
	assert.NotEqual(t, first, fingerprint(t, "a.gguf", m))
}
