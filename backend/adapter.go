package backend

import (
	"context"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// adapter has what adapting needs on the way, for all sequences together: it
// shares no memory and no list with what appends, reads and stores, so that
// those go on meanwhile. One adaptation at a time is on the way.
type adapter struct {
	bits   device.Buffer // download: decided bits; then ranges of what is promoted
	plan   device.Buffer // upload: plans; weights made on the device lie in the scratch
	supply device.Buffer // upload: what promoted groups lack

	lists  map[string]*device.List // decide, ranges, move, promote
	flight *adaptation             // nil: none
	queue  []*Sequence             // whose rounds have batches left, the next one first
}

// adaptParts is the part of a full cache that a batch decides, one batch a step:
// a batch has a whole segment or a 32nd of all pages, so every group gets its turn within
// adaptParts steps and one more for each unit, and takes effect in the first
// Step that finds its batch ready (Stats counts how late).
//
// Measured with BenchmarkAdapt, SmolLM2's shape at 4,096 tokens on llvmpipe with
// a batch at every token (a layer, of which 6,600 groups change): 2.5 % of the
// time of a token, half of it the host's. All 30 layers at every token would be
// about 70 %.
const adaptParts = 32

// minAdapt is the least words of each buffer, and what a batch may write anew.
const minAdapt = 1 << 15

// adapts tells whether bits may ever change.
func (c *Cache) adapts() bool { return !c.rules[shaders.Key].Fixed || !c.rules[shaders.Value].Fixed }

// adaptJob bounds the plan words of a page in any list of an adaptation.
func (c *Cache) adaptJob() int {
	return max(shaders.RuleJobWords+shaders.WeightJobWords+c.geo.tokenGroups+c.geo.pageGroups, c.rewriteWords())
}

// allocateAdapter makes the buffers. On an error, those made are left for close.
func (c *Cache) allocateAdapter() error {
	if !c.adapts() {
		return nil
	}
	g, align, a := &c.geo, c.dev.Limits().ViewAlign, &c.adapter
	groups := 2 * g.units * g.tokenGroups * c.cfg.Capacity
	words := max(min(groups/adaptParts, maxStaging/2), minAdapt)
	pages := max(words/g.pageGroups, 2)
	for _, b := range []struct {
		at     *device.Buffer
		label  string
		words  int
		memory device.Memory
	}{
		{&a.bits, "adapt.bits", max(words, 2*roundUp(g.pageGroups, align), g.pageGroups*g.layout.RangeWords()), device.Download},
		{&a.plan, "adapt.plan", pages*c.adaptJob() + 4*align, device.Upload},
		{&a.supply, "adapt.supply", roundUp(max(words, g.pageGroups*g.layout.RawGroupWords()), shaders.Align), device.Upload},
	} {
		if err := c.newBuffer(b.at, b.label, b.words, b.memory); err != nil {
			return err
		}
	}
	a.lists = map[string]*device.List{}
	for _, role := range []string{"decide", "ranges", "move", "promote"} {
		a.lists[role] = device.NewList(c.dev)
	}
	return nil
}

func (a *adapter) all() []device.Buffer { return []device.Buffer{a.bits, a.plan, a.supply} }

// close frees lists and buffers. Nothing is on the way any more.
func (a *adapter) close() {
	for _, l := range a.lists {
		l.Release()
	}
	for _, b := range a.all() {
		if b != nil {
			b.Release()
		}
	}
}

// bytes are the bytes of the buffers.
func (a *adapter) bytes() (n int64) {
	for _, b := range a.all() {
		if b != nil {
			n += 4 * int64(b.Len())
		}
	}
	return n
}

// run runs a list of an adaptation and waits for its end.
func (a *adaptation) run(role string, record func(*device.List)) error {
	if err := a.ctx.Err(); err != nil {
		return fmt.Errorf("backend: adapt: %w", err)
	}
	t, err := a.submit(role, record)
	if err != nil {
		return err
	}
	return a.wait(role, t)
}

// submit starts a list of an adaptation.
func (a *adaptation) submit(role string, record func(*device.List)) (device.Ticket, error) {
	l := a.c.adapter.lists[role]
	l.Reset()
	record(l)
	a.submits++
	a.ran = a.c.spanning(role, AdaptationDevice)
	t, err := a.c.dev.Submit(l)
	if err != nil {
		return nil, fmt.Errorf("backend: adapt: %s: %w", role, err)
	}
	return t, nil
}

// wait waits for a list of an adaptation.
func (a *adaptation) wait(role string, t device.Ticket) error {
	began := time.Now()
	err := t.Wait(context.Background())
	a.waited += time.Since(began)
	a.ran()
	if err != nil {
		return fmt.Errorf("backend: adapt: %s: %w", role, err)
	}
	for kernel, d := range t.Times() {
		a.times[kernel] += d
	}
	return nil
}

// newPlanner lays plans out in the plan buffer of adaptations.
func (a *adaptation) newPlanner() *planner {
	return &planner{buffer: a.c.adapter.plan, align: a.c.dev.Limits().ViewAlign}
}
