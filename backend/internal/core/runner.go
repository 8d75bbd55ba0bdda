package core

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
)

// Runner runs the lists of a cache and keeps the last one of each role. One
// goroutine at a time uses a Runner; its counts may be read meanwhile.
type Runner struct {
	dev    device.Device
	prefix string                         // of errors
	span   func(name string) (end func()) // told of each list
	lost   func(error) error              // told of each error
	lists  map[string]*device.List        // by role

	mu     sync.Mutex
	counts Counts
}

// Counts are what a Runner did.
type Counts struct {
	Submits int64
	Ran     time.Duration            // of the lists that were waited for, on the device (Running.Took)
	Times   map[string]time.Duration // by mark, where the device has timestamps
}

// NewRunner runs lists on a device. Its errors begin with prefix and are what lost
// makes of them. span begins a span of a timeline and returns what ends it.
func NewRunner(dev device.Device, prefix string, span func(name string) func(), lost func(error) error) *Runner {
	return &Runner{dev: dev, prefix: prefix, span: span, lost: lost, lists: map[string]*device.List{},
		counts: Counts{Times: map[string]time.Duration{}}}
}

// Run records a list in a role, runs it and waits for its end. Lists are short,
// so the wait is not cut off: afterwards their buffers are free.
func (r *Runner) Run(role string, record func(*device.List)) error {
	running, err := r.Start(role, record)
	if err != nil {
		return err
	}
	return running.Wait()
}

// Start records a list in a role and submits it.
func (r *Runner) Start(role string, record func(*device.List)) (*Running, error) {
	l := r.lists[role]
	if l == nil {
		l = device.NewList(r.dev)
		r.lists[role] = l
	}
	l.Reset()
	record(l)
	return r.Submit(role, l)
}

// Submit submits a list that was recorded before.
func (r *Runner) Submit(role string, l *device.List) (*Running, error) {
	end := r.span(role)
	r.mu.Lock()
	r.counts.Submits++
	r.mu.Unlock()
	ticket, err := r.dev.Submit(l)
	if err != nil {
		end()
		return nil, r.lost(fmt.Errorf("%s%s: %w", r.prefix, role, err))
	}
	return &Running{runner: r, role: role, ticket: ticket, end: end, began: time.Now()}, nil
}

// Running is a list that was submitted.
type Running struct {
	runner *Runner
	role   string
	ticket device.Ticket
	end    func()
	began  time.Time

	// Took is, after Wait, the time that the list ran on the device; where that has no
	// timestamps, the time until Wait returned.
	Took time.Duration
}

// Wait waits for the end of the list.
func (l *Running) Wait() error {
	err := l.ticket.Wait(context.Background())
	l.end()
	times := l.ticket.Times()
	for _, d := range times {
		l.Took += d
	}
	if len(times) == 0 {
		l.Took = time.Since(l.began)
	}
	l.runner.add(l.Took, times)
	if err != nil {
		return l.runner.lost(fmt.Errorf("%s%s: %w", l.runner.prefix, l.role, err))
	}
	return nil
}

func (r *Runner) add(took time.Duration, times map[string]time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Ran += took
	for mark, d := range times {
		r.counts.Times[mark] += d
	}
}

// Timed runs f and returns how long the lists that it waits for ran on the device.
func (r *Runner) Timed(f func() error) (took time.Duration, err error) {
	before := r.Counts().Ran
	err = f()
	return r.Counts().Ran - before, err
}

// Counts are what the runner did so far.
func (r *Runner) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	c.Times = maps.Clone(c.Times)
	return c
}

// Lists are the last list of each role.
func (r *Runner) Lists() map[string]*device.List { return maps.Clone(r.lists) }

// Release frees the lists. None is running any more.
func (r *Runner) Release() {
	for _, l := range r.lists {
		l.Release()
	}
}
