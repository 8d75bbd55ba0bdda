package kvhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// rehearsal are the goroutines that make pipelines while llama.cpp computes: a driver in
// software keeps none between processes and compiles for seconds, first with the page that a
// chat fills.
type rehearsal struct {
	mu      sync.Mutex
	shapes  []kvbuffer.Shape // of models whose pipelines are made, or are being made
	running sync.WaitGroup
	cancel  []context.CancelFunc
}

// rehearse begins to make the pipelines that caches of a shape need, once.
func (h *Host) rehearse(shape kvbuffer.Shape, d device.Device, c backend.Config) {
	if h.Settings.Device == "cpu" {
		return // it has no pipelines
	}
	shape.Cells, shape.Streams, shape.StepTokens = 0, 0, 0
	r := &h.rehearsal
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.shapes, shape) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.shapes, r.cancel = append(r.shapes, shape), append(r.cancel, cancel)
	r.running.Go(func() {
		if err := backend.Rehearse(ctx, d, c); err != nil && !errors.Is(err, context.Canceled) {
			h.Log(fmt.Sprintf("pipelines are made when they are needed: %v", err))
		}
	})
}

// EndRehearsals returns when no pipelines are made ahead any more, at the latest after those that
// are being made. It comes before the process ends: drivers must not compile meanwhile.
func (h *Host) EndRehearsals() {
	r := &h.rehearsal
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, cancel := range r.cancel {
		cancel()
	}
	r.cancel = nil
	r.running.Wait()
}
