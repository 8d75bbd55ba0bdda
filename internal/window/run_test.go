//go:build glfw && linux && !wayland

package window

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/model/modeltest"
	sampling "github.com/qaqvk/qaqvk/internal/model/sample"
	"github.com/qaqvk/qaqvk/internal/recording"
	"github.com/qaqvk/qaqvk/internal/report"
	"github.com/qaqvk/qaqvk/internal/session"
	"github.com/qaqvk/qaqvk/internal/view"
)

// targets keeps the targets that steps tell of.
type targets struct {
	mu    sync.Mutex
	steps int
	list  []recording.Target
}

func (w *targets) Begin(recording.Header) error { return nil }
func (w *targets) End(*recording.End) error     { return nil }
func (w *targets) Step(s *recording.Step) (recording.Reply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps++
	if s.Target != nil {
		w.list = append(w.list, *s.Target)
	}
	return recording.Reply{}, nil
}

func (w *targets) seen() (steps int, list []recording.Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps, w.list
}

// A run with a window: a key changes its error target, it is held and goes on, and it
// ends as it would have when the window is closed before.
func TestVulkanWatchARun(t *testing.T) {
	f := modeltest.Tiny(1)
	f.Set("llama.context_length", uint32(448))
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, f.Write(path))
	d, err := device.Open("cpu", device.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })

	var live *view.Live
	_, closed := shows(t, func(w *Window) view.Source {
		live = view.NewLive(w.Wake)
		return live
	})
	u, seen, result := newUser(t), &targets{}, make(chan *report.Run, 1)
	live.Pause(true)
	go func() {
		r, err := session.Run(t.Context(), d, session.Options{Model: path, Prompt: strings.Repeat("z", 60), Tokens: 200, IgnoreEnd: true, Policy: "qaq",
			Alpha: 0.01, BitsMin: 1, BitsMax: 8, KeyError: 0.02, ValueError: 0.01, HostBudget: 1 << 24, Exact: true, CacheDir: t.TempDir(),
			Sampling: sampling.Options{TopP: 1}}, session.UI{Text: func(string) {}, Progress: func(string, int, int) {}, Note: func(string) {},
			Watch: []recording.Watcher{seen, live}})
		if err != nil {
			t.Error(err)
		}
		result <- r
	}()
	u.until("it is held at its first step", func() bool { n, _ := seen.seen(); return n == 1 && live.Status().Doing == "paused" })
	u.press('.')
	u.until("it went a step on", func() bool { n, _ := seen.seen(); return n == 2 })
	u.press('[')
	u.until("its target is another", func() bool { _, list := seen.seen(); return len(list) == 1 })
	_, list := seen.seen()
	require.InDelta(t, 0.0282842, list[0].KeyError, 1e-6)
	require.InDelta(t, 0.0141421, list[0].ValueError, 1e-6)
	u.press('q')
	closed()
	live.Close()
	r := <-result
	require.NotNil(t, r)
	require.Equal(t, 200, r.Tokens.Generated)
}
