package device

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/vk"
)

// cpuDevice runs lists with cpuref, command by command, inside Submit.
type cpuDevice struct {
	mu      sync.Mutex
	limits  Limits
	most    int64 // bytes of buffers; 0: no limit
	buffers map[*cpuBuffer]struct{}
	local   int64 // bytes of buffers in device memory
	peak    int64 // the most of these
}

func newCPUDevice(o Options) *cpuDevice {
	limits := MinimumLimits
	if !o.MinimumLimits {
		limits.Workgroups = 1<<31 - 1
		limits.Invocations = 1024
		limits.SharedBytes = 32768
		limits.Bindings = 8
		limits.ViewWords = 1 << 29
	}
	return &cpuDevice{limits: limits, most: o.MemoryLimit, buffers: map[*cpuBuffer]struct{}{}}
}

func (d *cpuDevice) Name() string   { return "cpu" }
func (d *cpuDevice) Driver() string { return "cpuref" }
func (d *cpuDevice) Limits() Limits { return d.limits }

// NewBuffer gives words that are zero.
func (d *cpuDevice) NewBuffer(label string, words int, m Memory) (Buffer, error) {
	if words <= 0 {
		return nil, fmt.Errorf("device: buffer %s of %d words", label, words)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.most > 0 && 4*int64(words) > d.most-d.held() {
		return nil, fmt.Errorf("device: buffer %s of %d bytes beside %d: limit %d: %w", label, 4*int64(words), d.held(), d.most, vk.ErrMemoryLimit)
	}
	b := &cpuBuffer{device: d, label: label, memory: m, words: make([]uint32, words)}
	d.buffers[b] = struct{}{}
	if m == DeviceLocal {
		d.local += 4 * int64(words)
		d.peak = max(d.peak, d.local)
	}
	return b, nil
}

// held are the bytes of all buffers. The caller holds d.mu.
func (d *cpuDevice) held() (n int64) {
	for b := range d.buffers {
		n += 4 * int64(len(b.words))
	}
	return n
}

// Owns tells whether a buffer is one of this device's that are not released.
func (d *cpuDevice) Owns(b Buffer) bool {
	c, ok := b.(*cpuBuffer)
	if !ok {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok = d.buffers[c]
	return ok
}

func (d *cpuDevice) Submit(l *List) (Ticket, error) {
	if l.err != nil {
		return nil, l.err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &cpuTicket{times: map[string]time.Duration{}}
	last := time.Now()
	for i, c := range l.commands {
		if m, ok := c.(*Mark); ok {
			now := time.Now()
			t.times[m.Label] += now.Sub(last)
			last = now
			continue
		}
		if err := d.run(c); err != nil {
			t.err = fmt.Errorf("device: cpu: command %d: %s: %w", i, c, err)
			break
		}
	}
	return t, nil
}

func (d *cpuDevice) run(c Command) error {
	switch c := c.(type) {
	case *Dispatch:
		buffers := make([][]uint32, len(c.Views))
		for i, v := range c.Views {
			words, err := d.wordsOf(v.Buffer)
			if err != nil {
				return err
			}
			buffers[i] = words[v.Offset : v.Offset+v.Words]
		}
		return cpuref.Run(c.Kernel, c.Spec, c.Push, c.Workgroups, buffers)
	case *Copy:
		src, err := d.wordsOf(c.Src)
		if err != nil {
			return err
		}
		dst, err := d.wordsOf(c.Dst)
		if err != nil {
			return err
		}
		for _, r := range c.Regions {
			copy(dst[r.Dst:r.Dst+r.Words], src[r.Src:r.Src+r.Words])
		}
	case *Fill:
		words, err := d.wordsOf(c.Buffer)
		if err != nil {
			return err
		}
		for i := range words[c.Offset : c.Offset+c.Words] {
			words[c.Offset+i] = c.Value
		}
	}
	return nil
}

// wordsOf are all words of a buffer of this device that is not released.
func (d *cpuDevice) wordsOf(b Buffer) ([]uint32, error) {
	c, ok := b.(*cpuBuffer)
	if !ok || c.device != d {
		return nil, fmt.Errorf("buffer %s of another device", b.Label())
	}
	if c.words == nil {
		return nil, fmt.Errorf("buffer %s was released", b.Label())
	}
	return c.words, nil
}

func (d *cpuDevice) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := Stats{LiveBytes: d.held()}
	s.CommittedBytes, s.PeakBytes = s.LiveBytes, d.peak
	s.Objects = map[string]int{"buffer": len(d.buffers)}
	return s
}

func (d *cpuDevice) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	labels := make([]string, 0, len(d.buffers))
	for b := range d.buffers {
		labels = append(labels, b.label)
		b.words = nil
	}
	d.buffers = map[*cpuBuffer]struct{}{}
	return leakError("cpu", labels)
}

// cpuBuffer is a slice of words. A DeviceLocal one hides it, as a GPU would.
type cpuBuffer struct {
	device *cpuDevice
	label  string
	memory Memory
	words  []uint32 // nil once released
}

func (b *cpuBuffer) Label() string { return b.label }
func (b *cpuBuffer) Len() int      { return len(b.words) }
func (b *cpuBuffer) Words() []uint32 {
	if b.memory == DeviceLocal {
		return nil
	}
	return b.words
}

func (b *cpuBuffer) Release() {
	b.device.mu.Lock()
	defer b.device.mu.Unlock()
	delete(b.device.buffers, b)
	if b.memory == DeviceLocal {
		b.device.local -= 4 * int64(len(b.words))
	}
	b.words = nil
}

// cpuTicket is a list that has already run.
type cpuTicket struct {
	err   error
	times map[string]time.Duration
}

func (t *cpuTicket) Wait(context.Context) error      { return t.err }
func (t *cpuTicket) Times() map[string]time.Duration { return t.times }
