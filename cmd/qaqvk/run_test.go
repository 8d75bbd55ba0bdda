package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// fields are the keys of a JSON object, and of the objects in it.
func fields(t *testing.T, path string) map[string]map[string]any {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var all map[string]any
	require.NoError(t, json.Unmarshal(data, &all))
	out := map[string]map[string]any{"": all}
	for k, v := range all {
		if m, ok := v.(map[string]any); ok {
			out[k] = m
		}
	}
	return out
}

func requireKeys(t *testing.T, m map[string]any, keys ...string) {
	for _, k := range keys {
		require.Contains(t, m, k)
	}
}

func TestRun(t *testing.T) {
	model := writeModel(t, nil)
	cache := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
	}{
		{"none", []string{"--policy", "none"}},
		{"uniform", []string{"--policy", "uniform", "--bits", "3", "--level", "layer"}},
		{"qaq", []string{"--policy", "qaq", "--level", "token", "--formula", "authors"}},
		{"sampled", []string{"--temperature", "1", "--top-p", "0.5", "--seed", "7"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.json")
			args := append([]string{"run", "--device", "cpu", "--model", model, "--tokens", "24", "--ignore-end",
				"--prompt", "in the beginning there was nothing", "--json", path}, c.args...)
			o := qaqvk(t, []string{"QAQVK_CACHE=" + cache}, args...)
			require.Equal(t, 0, o.status, o.stderr)
			require.Contains(t, o.stdout, "device   cpu\ndriver   cpuref\n")
			f := fields(t, path)
			requireKeys(t, f[""], "device", "driver", "policy", "tokens", "bytes", "bits", "moves", "quality", "tokens_per_s")
			requireKeys(t, f["prompt"], "template", "bare", "left_out")
			requireKeys(t, f["tokens"], "prompt", "generated")
			requireKeys(t, f["bytes"], "f16", "live", "committed", "host", "paper")
			requireKeys(t, f["bits"], "k", "v")
			requireKeys(t, f["moves"], "demoted", "promoted")
			requireKeys(t, f["quality"], "top1", "kld")
			requireKeys(t, f["tokens_per_s"], "prefill", "decode")
			require.Equal(t, "cpu", f[""]["device"])
			require.Equal(t, 24.0, f["tokens"]["generated"])
			// Every token but the last is in the cache: K and V of 2 layers, 2 heads, 64 elements, 2 bytes.
			require.Equal(t, (f["tokens"]["prompt"].(float64)+23)*2*2*2*64*2, f["bytes"]["f16"])
		})
	}
}

func TestRunWritesATimeline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.json")
	o := qaqvk(t, []string{"QAQVK_CACHE=" + t.TempDir()}, "run", "--device", "cpu", "--model", writeModel(t, nil), "--tokens", "4",
		"--ignore-end", "--no-compare", "--prompt", "in the beginning", "--timeline", path)
	require.Equal(t, 0, o.status, o.stderr)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var events []struct {
		Name  string
		Phase string `json:"ph"`
	}
	require.NoError(t, json.Unmarshal(data, &events))
	count := map[string]int{}
	for _, e := range events {
		count[e.Phase+" "+e.Name]++
	}
	require.Equal(t, 4, count["X step"], "the prompt and three of four tokens")
	require.Equal(t, 2*2*4, count["X attend"], "calls and lists of two layers")
	require.Equal(t, 4, count["M thread_name"])
}

// The device `cpu` and a Vulkan device give the same text from the same bits.
func TestRunAgreesAcrossDevices(t *testing.T) {
	model, cache := writeModel(t, nil), t.TempDir()
	run := func(device string) (text string, bits map[string]any) {
		path := filepath.Join(t.TempDir(), "r.json")
		o := qaqvk(t, []string{"QAQVK_CACHE=" + cache}, "run", "--device", device, "--model", model, "--tokens", "40",
			"--ignore-end", "--no-compare", "--exact", "--prompt", "in the beginning", "--json", path)
		require.Equal(t, 0, o.status, o.stderr)
		f := fields(t, path)
		require.Nil(t, f[""]["quality"])
		moves := f["moves"]
		delete(moves, "bytes_up") // views are aligned as the device wants it
		delete(moves, "bytes_down")
		return o.stdout[:40], map[string]any{"histogram": f[""]["histogram"], "moves": moves, "bits": f["bits"]}
	}
	text, bits := run("cpu")
	for _, device := range []string{"llvmpipe", "both:llvmpipe"} {
		otherText, otherBits := run(device)
		require.Equal(t, text, otherText, device)
		require.Equal(t, bits, otherBits, device)
	}
}

func TestBenchAndConformanceJSON(t *testing.T) {
	dir := t.TempDir()
	bench, conformance := filepath.Join(dir, "bench.json"), filepath.Join(dir, "conformance.json")
	o := qaqvk(t, nil, "bench", "--device", "llvmpipe", "--filter", "^copy$", "--repeat", "1", "--json", bench)
	require.Equal(t, 0, o.status, o.stderr)
	f := fields(t, bench)
	requireKeys(t, f[""], "device", "copy_unit_ms", "results")
	requireKeys(t, f[""]["results"].([]any)[0].(map[string]any), "name", "units", "ms")

	o = qaqvk(t, nil, "conformance", "--device", "cpu", "--filter", "^copy/", "--json", conformance)
	require.Equal(t, 0, o.status, o.stderr)
	require.Contains(t, o.stdout, " passed, 0 failed\n")
	requireKeys(t, fields(t, conformance)[""], "device", "driver", "cases", "passed", "failed", "digest")
}

func TestDevices(t *testing.T) {
	o := qaqvk(t, nil, "devices")
	require.Equal(t, 0, o.status, o.stderr)
	require.Contains(t, o.stdout, "llvmpipe")
	o = qaqvk(t, nil, "devices", "--json")
	require.Equal(t, 0, o.status, o.stderr)
	var infos []map[string]any
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &infos))
	require.NotEmpty(t, infos)
	requireKeys(t, infos[0], "index", "name", "driver", "limits", "features")
}
