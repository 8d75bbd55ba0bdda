//go:build glfw && linux && !wayland

package window

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/view"
)

// BenchmarkVulkanPicture draws and shows pictures of 1280 x 800 as fast as it goes, and
// reports what the process's threads work for one, the driver's included.
func BenchmarkVulkanPicture(b *testing.B) {
	w, err := Open(Options{Title: "qaqvk", Width: 1280, Height: 800, Device: "llvmpipe"})
	require.NoError(b, err)
	s := &shown{Window: w, view: view.New(ended(b))}
	s.view.Poll()
	var before, after syscall.Rusage
	require.NoError(b, onMain(func() error {
		if err := s.draw(); err != nil { // the first one makes the swapchain
			return err
		}
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		for b.Loop() {
			if err := s.draw(); err != nil {
				return err
			}
		}
		return syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	}))
	worked := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(worked)/1e6/float64(b.N), "cpu-ms/op")
	require.NoError(b, w.Close())
}
