package model

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

// FuzzLoad changes bytes of a tiny model's header, where its metadata and shapes
// are; what loads, runs or fails with an error.
func FuzzLoad(f *testing.F) {
	tiny := modeltest.Tiny(1)
	tiny.Set("llama.attention.sliding_window", uint32(5))
	tiny.Set("llama.rope.scaling.type", "yarn")
	tiny.Set("llama.rope.scaling.factor", float32(4))
	whole, err := tiny.Bytes()
	require.NoError(f, err)
	for _, at := range []int{0, 8, 16, 100, 400, 600, 3000} {
		f.Add(uint16(at), []byte{0xff, 0xff, 0xff, 0x7f})
	}
	path := filepath.Join(f.TempDir(), "fuzz.gguf")
	f.Fuzz(func(t *testing.T, at uint16, change []byte) {
		data := bytes.Clone(whole)
		copy(data[at:], change[:min(len(change), 64)])
		require.NoError(t, os.WriteFile(path, data, 0o644))
		m, err := Load(path)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		defer m.Close()
		_, _ = m.Forward([]int{0}, NewMemory(m.Config))
	})
}
