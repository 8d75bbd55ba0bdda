package report

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend"
)

var update = flag.Bool("update", false, "write the golden files")

func example() *Run {
	r := &Run{
		Device: "llvmpipe (LLVM 15.0.6, 256 bits)", Driver: "llvmpipe Mesa 22.3.6", Policy: "qaq",
		Model: "SmolLM2-135M-Instruct.Q4_1.gguf", Setting: "level head, alpha 1 %",
		Prompt: Prompt{Template: "ChatML"},
		Tokens: Tokens{Prompt: 312, Generated: 128},
		Bytes:  backend.Bytes{F16: 20275200, Live: 5242880, Committed: 6291456, Slack: 131072, Reserve: 5767168, Peak: 6815744, Scratch: 262144, Staging: 1048576, Host: 40550400, Paper: 4194304},
		Growth: NewGrowth([]Sample{{146, 6727680, 1740800, 2097152, 13455360}, {293, 13501440, 3483648, 4194304, 27002880}, {440, 20275200, 5242880, 6291456, 40550400}}),
		Bits:   Bits{K: 4.125, V: 2.5}, Moves: backend.Moves{Demoted: 1200, Promoted: 34, Missed: 5, BytesUp: 65536, BytesDown: 4096, LateSteps: 40, LateMax: 2}, NonFinite: 1, Clamped: 3,
		Quality:    &Quality{Top1: 0.984375, KLD: 0.00213, Positions: 128},
		TokensPerS: Speed{Prefill: 210.25, Decode: 21.5}, Seconds: Speed{Prefill: 1.484, Decode: 5.953},
		Plain:     &Speed{Prefill: 230, Decode: 24},
		KernelsMs: map[string]float64{"encode": 120.5, "decode": 1834.25, "pack": 7},
	}
	r.Histogram.K[4], r.Histogram.K[5], r.Histogram.K[16] = 35000, 4600, 1
	r.Histogram.V[2], r.Histogram.V[3] = 19800, 19800
	return r
}

func TestGolden(t *testing.T) {
	plain := example()
	plain.Quality, plain.Plain, plain.KernelsMs = nil, nil, map[string]float64{}
	plain.Bytes, plain.Growth = backend.Bytes{}, nil
	plain.Prompt = Prompt{Bare: "the file has no chat template", LeftOut: 2}
	for _, c := range []struct {
		name  string
		write func(*bytes.Buffer) error
	}{
		{"run.txt", func(b *bytes.Buffer) error { return example().Write(b) }},
		{"run.json", func(b *bytes.Buffer) error { return Print(b, example()) }},
		{"run-nocompare.txt", func(b *bytes.Buffer) error { return plain.Write(b) }},
		{"run-nocompare.json", func(b *bytes.Buffer) error { return Print(b, plain) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got bytes.Buffer
			require.NoError(t, c.write(&got))
			golden := filepath.Join("testdata", c.name)
			if *update {
				require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got.String())
		})
	}
}

func TestWriteJSONIsWholeOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.json")
	require.NoError(t, WriteJSON(path, map[string]int{"a": 1}))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "{\n  \"a\": 1\n}\n", string(got))

	require.ErrorContains(t, WriteJSON(path, math.Inf(1)), "unsupported value")
	got, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "{\n  \"a\": 1\n}\n", string(got), "an error must leave the old file")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)

	err = WriteJSON(filepath.Join(dir, "no", "out.json"), 1)
	require.EqualError(t, err, "report: "+filepath.Join(dir, "no", "out.json")+": no such file or directory")
}

// A device file, a pipe or a link stays what it is.
func TestWriteJSONThroughLinksAndPipes(t *testing.T) {
	dir := t.TempDir()
	link, target := filepath.Join(dir, "link"), filepath.Join(dir, "target")
	require.NoError(t, os.Symlink(target, link))
	require.NoError(t, Writable(link))
	require.NoError(t, WriteJSON(link, 1))
	got, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "1\n", string(got))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type())
	require.NoError(t, WriteJSON(os.DevNull, 1))
	info, err = os.Stat(os.DevNull)
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular())
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.json")
	require.NoError(t, Writable(path))
	require.NoError(t, Writable(os.DevNull))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.EqualError(t, Writable(dir), "report: "+dir+": is a folder")
	missing := filepath.Join(dir, "no", "out.json")
	require.EqualError(t, Writable(missing), "report: "+missing+": no such file or directory")
}
