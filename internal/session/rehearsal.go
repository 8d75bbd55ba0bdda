package session

import (
	"context"
	"sync"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
)

// rehearsal has pipelines made while the model is loaded.
type rehearsal struct {
	running sync.WaitGroup
	cancel  context.CancelFunc // nil: none was begun
}

// begin makes the pipelines of a cache. What goes wrong there does so again in the first
// steps of the cache, which tell of it.
func (r *rehearsal) begin(ctx context.Context, d device.Device, c backend.Config) {
	ctx, r.cancel = context.WithCancel(ctx)
	r.running.Go(func() { _ = backend.Rehearse(ctx, d, c) })
}

// end waits until no pipelines are made ahead, at the latest after those that are
// being made.
func (r *rehearsal) end() {
	if r.cancel != nil {
		r.cancel()
		r.running.Wait()
	}
}
