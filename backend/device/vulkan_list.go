package device

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/qaqvk/qaqvk/vk"
)

// vkList is a list as a command buffer, kept while the list is unchanged.
type vkList struct {
	device   *vkDevice
	recorder *vk.Recorder
	labels   []string  // of the marks; empty where the device has no clock
	last     *vkTicket // of the latest submission
}

// compile records a list.
func (d *vkDevice) compile(l *List) (*vkList, error) {
	r, err := d.vk.NewRecorder()
	if err != nil {
		return nil, err
	}
	c := &vkList{device: d, recorder: r}
	if err := c.record(l); err != nil {
		r.Release()
		return nil, err
	}
	return c, nil
}

// record encloses the commands in the order between lists, and what the host
// may read.
func (c *vkList) record(l *List) error {
	if err := c.commands(l, c.device.vk.Info().Timestamps && hasMarks(l), vk.ToHost); err != nil {
		return err
	}
	return c.recorder.End()
}

// build compiles the pipelines that a list is the first to use, several at a time:
// compiling is most of what the first steps of a cache take. It returns the dispatches
// that have them.
func (d *vkDevice) build(l *List) ([]*Dispatch, error) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	var first []*Dispatch
	for i, command := range l.commands {
		dispatch, ok := command.(*Dispatch)
		if !ok || d.vk.Compiled(dispatch.Kernel, dispatch.Spec) {
			continue
		}
		first = append(first, dispatch)
		group.Go(func() error {
			if _, err := d.vk.NewPipeline(dispatch.Kernel, dispatch.Spec); err != nil {
				return fmt.Errorf("device: command %d: %s: %w", i, dispatch, err)
			}
			return nil
		})
	}
	return first, group.Wait()
}

// commands records a list, timed by a clock or not, which ends with a barrier.
func (c *vkList) commands(l *List, clock bool, after vk.Barrier) error {
	if _, err := c.device.build(l); err != nil {
		return err
	}
	c.recorder.Barrier(vk.Full)
	if clock {
		c.recorder.Timestamp()
	}
	for i, command := range l.commands {
		if m, ok := command.(*Mark); ok {
			if clock {
				c.recorder.Timestamp()
				c.labels = append(c.labels, m.Label)
			}
			continue
		}
		if err := c.add(command); err != nil {
			return fmt.Errorf("device: command %d: %s: %w", i, command, err)
		}
	}
	c.recorder.Barrier(after)
	return c.recorder.Err()
}

func hasMarks(l *List) bool {
	for _, c := range l.commands {
		if _, ok := c.(*Mark); ok {
			return true
		}
	}
	return false
}

func (c *vkList) add(command Command) error {
	for _, b := range buffersOf(command) {
		if v, ok := b.(*vkBuffer); !ok || v.device != c.device {
			return fmt.Errorf("buffer %s of another device", b.Label())
		}
	}
	switch k := command.(type) {
	case *Dispatch:
		return c.dispatch(k)
	case *Copy:
		regions := make([]vk.Region, len(k.Regions))
		for i, r := range k.Regions {
			regions[i] = vk.Region{Src: 4 * int64(r.Src), Dst: 4 * int64(r.Dst), Size: 4 * int64(r.Words)}
		}
		c.recorder.Copy(k.Src.(*vkBuffer).vk, k.Dst.(*vkBuffer).vk, regions...)
	case *Fill:
		c.recorder.Fill(k.Buffer.(*vkBuffer).vk, 4*int64(k.Offset), 4*int64(k.Words), k.Value)
	case *Barrier:
		c.recorder.Barrier(vkBarrier(k))
	}
	return nil
}

func (c *vkList) dispatch(d *Dispatch) error {
	p, err := c.device.vk.NewPipeline(d.Kernel, d.Spec)
	if err != nil {
		return err
	}
	views := make([]vk.View, len(d.Views))
	for i, v := range d.Views {
		views[i] = vk.View{Buffer: v.Buffer.(*vkBuffer).vk, Offset: 4 * int64(v.Offset), Size: 4 * int64(v.Words)}
	}
	c.recorder.Dispatch(p, d.Push, d.Workgroups, views...)
	return nil
}

func vkBarrier(b *Barrier) vk.Barrier {
	switch *b {
	case Barrier{Shader, Shader}:
		return vk.ComputeToCompute
	case Barrier{Shader, Transfer}:
		return vk.ComputeToTransfer
	case Barrier{Transfer, Shader}:
		return vk.TransferToCompute
	case Barrier{Transfer, Transfer}:
		return vk.TransferToTransfer
	}
	return vk.Full
}

// submit runs the commands, after a run of them that is not finished.
func (c *vkList) submit() (Ticket, error) {
	if c.last != nil {
		if err := c.last.Wait(context.Background()); err != nil {
			return nil, err
		}
	}
	fence, err := c.device.vk.Submit(c.recorder)
	if err != nil {
		return nil, err
	}
	c.last = &vkTicket{list: c, fence: fence, times: map[string]time.Duration{}}
	return c.last, nil
}

func (c *vkList) Release() {
	if c.last != nil {
		// An error of the run was the ticket's to tell; the device is idle then.
		_ = c.last.Wait(context.Background())
	}
	c.recorder.Release()
}

// vkTicket is a run of a vkList.
type vkTicket struct {
	list  *vkList
	fence *vk.Fence
	done  bool
	times map[string]time.Duration
}

func (t *vkTicket) Wait(ctx context.Context) error {
	if t.done {
		return nil
	}
	if err := t.fence.Wait(ctx); err != nil {
		return err
	}
	t.done = true
	if len(t.list.labels) == 0 {
		return nil
	}
	stamps, err := t.list.recorder.Timestamps()
	if err != nil {
		return err
	}
	for i, label := range t.list.labels {
		t.times[label] += stamps[i+1] - stamps[i]
	}
	return nil
}

func (t *vkTicket) Times() map[string]time.Duration { return t.times }
