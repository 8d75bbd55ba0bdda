package bench

import (
	"context"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// copyWords are 64 MiB.
const copyWords = 1 << 24

// copied is the unit of speed: 64 MiB by the copy kernel.
type copied struct {
	device  device.Device
	buffers buffers
	list    *device.List
}

func newCopy(d device.Device) (*copied, error) {
	c := &copied{device: d, buffers: buffers{device: d}, list: device.NewList(d)}
	src := c.buffers.make("src", copyWords, device.DeviceLocal)
	dst := c.buffers.make("dst", copyWords, device.DeviceLocal)
	if c.buffers.err != nil {
		c.release()
		return nil, c.buffers.err
	}
	const group = 128
	c.list.Fill(src, 0, copyWords, 0x3c003c00) // touched once, so that no page is missing
	c.list.Barrier(device.AllCommands, device.AllCommands)
	if err := device.Run(context.Background(), d, c.list); err != nil {
		c.release()
		return nil, err
	}
	c.list.Reset()
	c.list.Dispatch(device.Dispatch{
		Kernel: shaders.Copy, Spec: shaders.Spec{Workgroup: group}.Words(shaders.Copy),
		Push:       shaders.CopyPush{Vectors: copyWords / 4}.Bytes(),
		Views:      []device.View{device.Whole(src), device.Whole(dst)},
		Workgroups: copyWords / 4 / group,
	})
	c.list.Mark("copy")
	return c, nil
}

func (c *copied) run(ctx context.Context) (sample, error) {
	var s sample
	start := time.Now()
	err := s.submit(ctx, c.device, c.list)
	s.wall = time.Since(start)
	return s, err
}

func (c *copied) bytes() int64 { return 4 * copyWords }

func (c *copied) release() {
	c.list.Release()
	c.buffers.release()
}

// buffers makes buffers until one fails, and releases all that were made.
type buffers struct {
	device device.Device
	made   []device.Buffer
	err    error
}

func (b *buffers) make(label string, words int, m device.Memory) device.Buffer {
	if b.err != nil {
		return nil
	}
	buffer, err := b.device.NewBuffer(label, words, m)
	if err != nil {
		b.err = err
		return nil
	}
	b.made = append(b.made, buffer)
	return buffer
}

func (b *buffers) release() {
	for _, buffer := range b.made {
		buffer.Release()
	}
	b.made = nil
}
