package kvhost_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
	"github.com/qaqvk/qaqvk/internal/kvhost"
	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	"github.com/qaqvk/qaqvk/internal/profiles"
)

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestSettings(t *testing.T) {
	s, err := kvhost.ReadSettings(environment())
	require.NoError(t, err)
	assert.Equal(t, kvhost.Settings{HostBudget: 1 << 30}, s)
	s, err = kvhost.ReadSettings(environment("QAQVK_POLICY", "calibrated", "QAQVK_BITS", "2.5", "QAQVK_BUDGET", "0.5", "QAQVK_HOST_BUDGET", "0",
		"QAQVK_DEVICE", "cpu", "QAQVK_PROFILE", "p", "QAQVK_MODEL", "m", "QAQVK_STATS", "s"))
	require.NoError(t, err)
	assert.Equal(t, kvhost.Settings{Policy: "calibrated", Bits: 2.5, Budget: 1 << 19, Device: "cpu", Profile: "p", Model: "m", Stats: "s"}, s)
}

func TestSettingsRefuse(t *testing.T) {
	for name, pairs := range map[string][]string{
		"goes with none of QAQVK_PROFILE, QAQVK_BITS, QAQVK_BUDGET": {"QAQVK_CALIBRATE", "f", "QAQVK_BITS", "2"},
		"not from those of QAQVK_POLICY=qaq":                        {"QAQVK_CALIBRATE", "f", "QAQVK_POLICY", "qaq"},
		"QAQVK_POLICY=h2o":                                          {"QAQVK_POLICY", "h2o"},
		"QAQVK_BITS=17: must be a number of 0 to 16":                {"QAQVK_BITS", "17"},
		"QAQVK_BUDGET=-1":                                           {"QAQVK_BUDGET", "-1"},
		"QAQVK_HOST_BUDGET=NaN":                                     {"QAQVK_HOST_BUDGET", "NaN"},
		"are of QAQVK_POLICY=calibrated, not of qaq":                {"QAQVK_POLICY", "qaq", "QAQVK_BITS", "2"},
		"QAQVK_BITS=two: must be a number of 0 to 16":               {"QAQVK_BITS", "two"},
		"QAQVK_BUDGET=1e99: must be a number of 0 to ":              {"QAQVK_BUDGET", "1e99"},
	} {
		_, err := kvhost.ReadSettings(environment(pairs...))
		require.ErrorIs(t, err, kvhost.ErrSettings)
		assert.ErrorContains(t, err, name)
	}
}

// small is the shape of the tiny models.
var small = kvbuffer.Shape{Layers: modeltest.Layers, KVHeads: modeltest.KVHeads, QueryHeads: modeltest.QueryHeads, HeadDim: modeltest.HeadDim,
	Cells: 64, Streams: 2, StepTokens: 32}

// shipped is that of the model whose profile ships.
var shipped = kvbuffer.Shape{Layers: 30, KVHeads: 3, QueryHeads: 9, HeadDim: 64, Cells: 256, Streams: 1, StepTokens: 32}

func newHost(t *testing.T, said *[]string, pairs ...string) *kvhost.Host {
	s, err := kvhost.ReadSettings(environment(append(pairs, "QAQVK_DEVICE", "cpu")...))
	require.NoError(t, err)
	h := &kvhost.Host{Settings: s, Log: func(line string) { *said = append(*said, line) }, Mapped: func() []string { return nil }}
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

func requireSaid(t *testing.T, h *kvhost.Host, shape kvbuffer.Shape, said *[]string, want string) {
	t.Helper()
	c, err := h.New(shape)
	require.NoError(t, err)
	defer c.Close()
	require.Len(t, *said, 1)
	assert.Contains(t, (*said)[0], want)
	assert.Equal(t, strings.Contains(want, "policy qaq"), c.Ranged())
}

func TestPolicies(t *testing.T) {
	var none, qaq []string
	requireSaid(t, newHost(t, &none, "QAQVK_POLICY", "none"), small, &none, "rows as they came")
	requireSaid(t, newHost(t, &qaq), small, &qaq, "policy qaq, no profile of the model is known")
	var said []string
	_, err := newHost(t, &said, "QAQVK_POLICY", "calibrated").New(small)
	require.ErrorIs(t, err, kvhost.ErrNoProfile)
	_, err = newHost(t, &said, "QAQVK_BITS", "2").New(small)
	require.ErrorIs(t, err, kvhost.ErrNoProfile)
	_, err = newHost(t, &said, "QAQVK_PROFILE", "absent").New(small)
	assert.ErrorContains(t, err, "QAQVK_PROFILE=absent")
	assert.Empty(t, said)
}

// profileFile is the profile that ships, as a file made for a model of that fingerprint.
func profileFile(t *testing.T, fingerprint string) string {
	p, err := profiles.For("490b39e5a9a1beb2b524ae9637ba99e4749d7545b47b8c7994e1dc775251dc58")
	require.NoError(t, err)
	require.NotNil(t, p)
	p.Model = fingerprint
	path := filepath.Join(t.TempDir(), "p.safetensors")
	require.NoError(t, p.Save(path))
	return path
}

func TestProfileByShape(t *testing.T) {
	path := profileFile(t, "0000")
	var said, bits, other []string
	requireSaid(t, newHost(t, &said, "QAQVK_PROFILE", path), shipped, &said, "calibrated, 1.80 bits an element aimed at, profile "+path)
	requireSaid(t, newHost(t, &bits, "QAQVK_PROFILE", path, "QAQVK_BITS", "3", "QAQVK_BUDGET", "100"), shipped, &bits, "calibrated, 3.00 bits")
	_, err := newHost(t, &other, "QAQVK_PROFILE", path).New(small)
	require.ErrorIs(t, err, profile.ErrShape)
}

func tinyModel(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, modeltest.Tiny(3).Write(path))
	return path
}

func TestProfileByModel(t *testing.T) {
	model := tinyModel(t)
	f, err := gguf.Open(model)
	require.NoError(t, err)
	fingerprint, err := f.Fingerprint()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	var said, other []string
	requireSaid(t, newHost(t, &said, "QAQVK_PROFILE", profileFile(t, fingerprint), "QAQVK_MODEL", model), shipped, &said, "made from "+model)
	_, err = newHost(t, &other, "QAQVK_PROFILE", profileFile(t, "0000"), "QAQVK_MODEL", model).New(shipped)
	require.ErrorIs(t, err, profile.ErrModel)
	_, err = newHost(t, &other, "QAQVK_MODEL", "absent").New(shipped)
	assert.ErrorContains(t, err, "QAQVK_MODEL=absent")
}

// A model that merely has the shape of the shipped profile's does not get that.
func TestShippedNeedsItsModel(t *testing.T) {
	model := tinyModel(t)
	var said []string
	h := newHost(t, &said)
	h.Mapped = func() []string { return []string{"absent", model} }
	requireSaid(t, h, shipped, &said, "policy qaq, no profile of the model is known")
	assert.True(t, profiles.Has(policy.Shape{Layers: 30, KVHeads: 3, HeadDim: 64}))
}

func TestReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stats.json")
	var said []string
	h := newHost(t, &said, "QAQVK_STATS", path)
	b := kvbuffer.New(make([]byte, 64), kvbuffer.Options{})
	for range 2 {
		require.NoError(t, h.Ended(kvhost.NewReport(b, 64)))
	}
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct{ Buffers []kvhost.Report }
	require.NoError(t, json.Unmarshal(data, &file))
	require.Len(t, file.Buffers, 2)
	assert.Equal(t, int64(64), file.Buffers[1].Buffer)
	h.Settings.Stats = filepath.Join(path, "no", "folder")
	assert.ErrorContains(t, h.Ended(kvhost.NewReport(b, 64)), "QAQVK_STATS=")
}

// A cache on Vulkan has its pipelines made in the background, once a shape, and the host
// closes while they are made.
func TestRehearsalOnVulkan(t *testing.T) {
	var said []string
	h := &kvhost.Host{Settings: kvhost.Settings{Device: "llvmpipe", Policy: kvhost.QAQ}, Log: func(line string) { said = append(said, line) }}
	for range 2 {
		c, err := h.New(small)
		require.NoError(t, err)
		c.Close()
	}
	h.EndRehearsals()
	require.NoError(t, h.Close())
	require.Len(t, said, 2, "%q", said)
}
