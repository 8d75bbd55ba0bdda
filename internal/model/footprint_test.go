package model_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
)

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// llama8B writes a file of the shape of Llama-3-8B in Q4_0 that takes no disk:
// its weights are a hole.
func llama8B(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "8b.gguf")
	require.NoError(t, modeltest.Llama(32, 4096, 14336, 32, 8, 128256).WriteSparse(path))
	return path
}

func TestEightBillionWeightsAreWeighedBeforeLoading(t *testing.T) {
	path := llama8B(t)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.InDelta(t, 4.2, float64(info.Size())/float64(gib), 0.1, "all matrices in Q4_0, the output of its own")

	_, err = model.LoadOn(path, 4*gib, model.Unlimited)
	require.ErrorIs(t, err, model.ErrMemory)
	require.EqualError(t, err, "model: "+path+": 4308 MiB of weights and 11 MiB to work in need 4318 MiB, 4096 MiB available (test): not enough memory")

	_, err = model.LoadOn(path, 64*gib, 520*mib)
	require.ErrorIs(t, err, model.ErrMemory)
	require.EqualError(t, err, "model: "+path+": 523 MiB of address space to work in, 520 MiB left to this process (ulimit -v): not enough memory")
}

func TestFormOfTheWeights(t *testing.T) {
	path := write(t, modeltest.Tiny(7))
	for _, c := range []struct {
		name   string
		load   func() (*model.Model, error)
		f32    bool
		report string
	}{
		{"much memory", func() (*model.Model, error) { return model.LoadOn(path, 64*gib, model.Unlimited) }, true, "0.9 M weights as f32, 4 MiB of 65536 MiB available (test)"},
		{"a quarter", func() (*model.Model, error) { return model.LoadOn(path, 16*854272, model.Unlimited) }, true, "0.9 M weights as f32, 4 MiB of 13 MiB available (test)"},
		{"less", func() (*model.Model, error) { return model.LoadOn(path, 16*854272-1, model.Unlimited) }, false, "0.9 M weights as stored, 2 MiB of 13 MiB available (test)"},
		{"unknown", func() (*model.Model, error) { return model.LoadStored(path) }, false, "0.9 M weights as stored, 2 MiB of memory of unknown size"},
	} {
		m, err := c.load()
		require.NoError(t, err, c.name)
		defer m.Close()
		assert.Equal(t, int64(854272), m.Footprint.Elements)
		assert.Equal(t, c.f32, m.Footprint.F32, c.name)
		assert.Equal(t, c.report, m.Footprint.String())
	}
	_, err := model.LoadOn(path, mib, model.Unlimited)
	require.ErrorIs(t, err, model.ErrMemory)
}

// Weights as stored and as f32 give the same logits but for the order of sums.
func TestStoredWeightsGiveTheSameLogits(t *testing.T) {
	f := modeltest.Tiny(7)
	addBiases(f)
	path := write(t, f)
	stored, err := model.LoadStored(path)
	require.NoError(t, err)
	require.False(t, stored.Footprint.F32)
	f32, err := model.Load(path)
	require.NoError(t, err)
	require.True(t, f32.Footprint.F32)
	for _, batch := range [][]int{tokens, tokens[:1]} {
		want, err := f32.ForwardAll(batch, model.NewMemory(f32.Config))
		require.NoError(t, err)
		got, err := stored.ForwardAll(batch, model.NewMemory(stored.Config))
		require.NoError(t, err)
		require.InDeltaSlice(t, want, got, 1e-5)
	}
	require.NoError(t, f32.Close())
	_, err = f32.Forward(tokens, model.NewMemory(f32.Config))
	require.ErrorIs(t, err, os.ErrClosed)
	require.NoError(t, os.Truncate(path, 20_000))
	_, err = stored.Forward(tokens, model.NewMemory(stored.Config))
	require.ErrorContains(t, err, path+`: tensor "`, "the file was cut short while in use")
	require.NoError(t, stored.Close())
}

func TestHostMemory(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	meminfo := file("MemTotal: 9000 kB\nMemAvailable:    8192 kB\n")
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  model.Host
	}{
		{"nothing", fstest.MapFS{}, model.Host{Memory: model.Unlimited, Process: model.Unlimited}},
		{"machine", fstest.MapFS{"proc/meminfo": meminfo}, model.Host{Known: true, Memory: 8 * mib, Process: model.Unlimited, By: "machine"}},
		{"group without a limit", fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/a\n"), "sys/fs/cgroup/a/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.current": file("5\n"),
		}, model.Host{Known: true, Memory: 8 * mib, Process: model.Unlimited, By: "machine"}},
		{"outer group", fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("max\n"),
			"sys/fs/cgroup/a/memory.max": file("5000000\n"), "sys/fs/cgroup/a/memory.current": file("4000000\n"),
			"sys/fs/cgroup/a/memory.stat": file("anon 7\nfile 9\ninactive_file 100\nactive_file 20\n"),
		}, model.Host{Known: true, Memory: 1_000_120, Process: model.Unlimited, By: "control group"}},
		{"version 1", fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/cgroup": file("4:cpu,memory:/x\n0::/\n"),
			"sys/fs/cgroup/memory/x/memory.usage_in_bytes": file("300\n"),
			"sys/fs/cgroup/memory/x/memory.stat":           file("cache 1\nhierarchical_memory_limit 1000\ntotal_inactive_file 30\ntotal_active_file 4\n"),
		}, model.Host{Known: true, Memory: 734, Process: model.Unlimited, By: "control group"}},
		{"full group", fstest.MapFS{
			"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("10\n"), "sys/fs/cgroup/memory.current": file("12\n"),
		}, model.Host{Known: true, Memory: 0, Process: model.Unlimited, By: "control group"}},
		{"address space", fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/statm": file("100 7 7\n"),
			"proc/self/limits": file("Max cpu time   unlimited  unlimited seconds\nMax address space         1000000              unlimited            bytes\n"),
		}, model.Host{Known: true, Memory: 8 * mib, Process: 1_000_000 - 409_600, By: "machine"}},
		{"no limit of address space", fstest.MapFS{
			"proc/meminfo": meminfo, "proc/self/limits": file("Max address space         unlimited            unlimited            bytes\n"),
		}, model.Host{Known: true, Memory: 8 * mib, Process: model.Unlimited, By: "machine"}},
	} {
		require.Equal(t, c.want, model.HostIn(c.files), c.name)
	}
}

// The limits of a file that asks for absurd sizes are told before anything is
// allocated for them.
func TestAbsurdShapes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wide.gguf")
	require.NoError(t, modeltest.Llama(1, 1<<20, 1<<20, 1, 1, 1<<20).WriteSparse(path))
	_, err := model.LoadOn(path, 16*gib, model.Unlimited)
	require.ErrorIs(t, err, model.ErrMemory)
	require.NotErrorIs(t, err, gguf.ErrFormat)
}
