package kvhost_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
	"github.com/qaqvk/qaqvk/internal/kvhost"
	"github.com/qaqvk/qaqvk/internal/record"
)

// observe tells of a text of n tokens in a buffer.
func observe(b *record.Buffer, n int) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for l := range small.Layers {
		o := kvbuffer.Observed{Shape: small, Layer: l, Q: make([]float32, n*small.QueryHeads*small.HeadDim)}
		for i := range o.Q {
			o.Q[i] = float32(r.NormFloat64())
		}
		for _, rows := range []*[]byte{&o.K, &o.V} {
			*rows = make([]byte, 2*n*small.KVHeads*small.HeadDim)
			for i := range *rows {
				(*rows)[i] = byte(r.IntN(60)) // no f16 of these is large
			}
		}
		b.Observe(o)
	}
}

func TestRecorded(t *testing.T) {
	file, model := filepath.Join(t.TempDir(), "p.safetensors"), tinyModel(t)
	var said []string
	h := newHost(t, &said, "QAQVK_CALIBRATE", file)
	h.Mapped = func() []string { return []string{model} }
	assert.Equal(t, kvhost.None, h.Settings.Policy)
	requireSaid(t, h, small, &said, "rows as they came, recorded for "+file+", a profile of "+model)
	_, err := h.Recorded()
	require.NoError(t, err, "no buffer was watched")
	empty := h.Watch()
	empty.Close()
	_, err = h.Recorded()
	require.ErrorIs(t, err, record.ErrNothing)
	assert.ErrorContains(t, err, "QAQVK_CALIBRATE="+file+": no profile was written")
	for _, tokens := range []int{300, 260} { // of two buffers
		w := h.Watch()
		observe(w, tokens)
		w.Close()
	}
	line, err := h.Recorded()
	require.NoError(t, err)
	assert.Contains(t, line, "profile written to "+file+": 560 tokens in 2 windows")
	line, err = h.Recorded()
	require.NoError(t, err)
	assert.Empty(t, line, "nothing came since")

	p, err := profile.Load(file)
	require.NoError(t, err)
	assert.Equal(t, "recorded in llama.cpp, 560 tokens in 2 windows", p.Source)
	assert.Empty(t, p.RoPE.Speeds)
	var taken []string
	requireSaid(t, newHost(t, &taken, "QAQVK_PROFILE", file, "QAQVK_MODEL", model), small, &taken, "calibrated")
}

// What keeps a profile from being written is told before anything is recorded.
func TestRecordedRefuses(t *testing.T) {
	file, model := filepath.Join(t.TempDir(), "p.safetensors"), tinyModel(t)
	for want, c := range map[string]struct {
		mapped []string
		pairs  []string
	}{
		"has mapped 0 GGUF files": {nil, []string{"QAQVK_CALIBRATE", file}},
		"has mapped 2 GGUF files": {[]string{model, model}, []string{"QAQVK_CALIBRATE", file}},
		"QAQVK_MODEL names it":    {nil, []string{"QAQVK_CALIBRATE", file, "QAQVK_MODEL", "absent"}},
		"there is no such folder": {[]string{model}, []string{"QAQVK_CALIBRATE", filepath.Join(file, "p")}},
	} {
		var said []string
		h := newHost(t, &said, c.pairs...)
		h.Mapped = func() []string { return c.mapped }
		_, err := h.New(small)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "QAQVK_CALIBRATE=")
	}
	var said []string
	assert.Nil(t, newHost(t, &said).Watch())
}
