package bench

import (
	"context"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// copyWords are 64 MiB.
const copyWords = 1 << 24

// listed is work of one recorded list.
type listed struct {
	buffers
	list *device.List
}

// newCopy is the unit of speed: 64 MiB by the copy kernel.
func newCopy(ctx context.Context, d device.Device) (*listed, error) {
	c := &listed{buffers{device: d}, device.NewList(d)}
	src, dst := c.make("src", copyWords, device.DeviceLocal), c.make("dst", copyWords, device.DeviceLocal)
	if c.err == nil {
		c.list.Fill(src, 0, copyWords, 0x3c003c00) // touched once, so that no page is missing
		c.err = device.Run(ctx, d, c.list)
	}
	if c.err != nil {
		c.release()
		return nil, c.err
	}
	c.list.Reset()
	p := shaders.Specialize(shaders.Copy, d.Limits().Target(), shaders.Setting{})
	c.list.Dispatch(device.Dispatch{
		Kernel: p.Kernel, Spec: p.Words(), Push: shaders.CopyPush{Vectors: copyWords / 4}.Bytes(),
		Workgroups: p.Workgroups(copyWords / 4), Views: []device.View{device.Whole(src), device.Whole(dst)},
	})
	c.list.Mark("copy")
	return c, nil
}

func (c *listed) run(ctx context.Context) (sample, error) {
	var s sample
	start := time.Now()
	err := s.submit(ctx, c.device, c.list)
	s.wall = time.Since(start)
	return s, err
}

func (c *listed) bytes() int64 { return 4 * copyWords }

func (c *listed) release() {
	c.list.Release()
	c.buffers.release()
}

// buffers makes buffers until one fails, and releases all that were made.
type buffers struct {
	device device.Device
	made   []device.Buffer
	err    error
}

// make makes a buffer; nil after a failure.
func (b *buffers) make(label string, words int, m device.Memory) device.Buffer {
	if b.err != nil {
		return nil
	}
	made, err := b.device.NewBuffer(label, words, m)
	if err != nil {
		b.err = err
		return nil
	}
	b.made = append(b.made, made)
	return made
}

// upload makes a buffer with words that the device reads.
func (b *buffers) upload(label string, words []uint32) device.Buffer {
	made := b.make(label, len(words), device.Upload)
	if made != nil {
		copy(made.Words(), words)
	}
	return made
}

func (b *buffers) release() {
	for _, made := range b.made {
		made.Release()
	}
	b.made = nil
}
