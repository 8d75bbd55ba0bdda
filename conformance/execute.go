package conformance

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
)

// guardWords stand before and after the words of every buffer. A multiple of
// 64: buffers begin where any device lets a view begin.
const guardWords = 64

// guard is the word that belongs at index i of the arena outside buffers.
func guard(i int) uint32 { return 0xdeadbeef ^ uint32(i)*0x9e3779b1 }

// executor runs programs on a device, each in one arena with guards around its
// buffers. The arena grows with the largest program.
type executor struct {
	device          device.Device
	up, arena, down device.Buffer
}

func (e *executor) release() {
	for _, b := range []device.Buffer{e.up, e.arena, e.down} {
		if b != nil {
			b.Release()
		}
	}
	e.up, e.arena, e.down = nil, nil, nil
}

func (e *executor) reserve(words int) (err error) {
	if e.arena != nil && e.arena.Len() >= words {
		return nil
	}
	e.release()
	words += words / 2
	if e.up, err = e.device.NewBuffer("upload", words, device.Upload); err != nil {
		return err
	}
	if e.arena, err = e.device.NewBuffer("arena", words, device.DeviceLocal); err != nil {
		return err
	}
	e.down, err = e.device.NewBuffer("download", words, device.Download)
	return err
}

// execute returns the words of every buffer after the program.
func (e *executor) execute(p *program) ([][]uint32, error) {
	offsets, total := arrange(p)
	if err := e.reserve(total); err != nil {
		return nil, err
	}
	image := e.up.Words()[:total]
	for i := range image {
		image[i] = guard(i)
	}
	for i, b := range p.buffers {
		copy(image[offsets[i]:], b.words)
	}
	list := e.record(p, offsets, total)
	defer list.Release()
	if err := device.Run(context.Background(), e.device, list); err != nil {
		return nil, err
	}
	after := e.down.Words()[:total]
	return collect(p, offsets, after)
}

// arrange gives each buffer its offset in the arena, and the arena's size.
func arrange(p *program) (offsets []int, total int) {
	at := guardWords
	for _, b := range p.buffers {
		if b.part {
			offsets = append(offsets, offsets[b.of]+b.at)
			continue
		}
		offsets = append(offsets, at)
		at += (len(b.words)+guardWords-1)/guardWords*guardWords + guardWords
	}
	return offsets, at
}

func (e *executor) record(p *program, offsets []int, total int) *device.List {
	l := device.NewList(e.device)
	l.Copy(e.up, e.arena, device.Region{Words: total})
	l.Barrier(device.Transfer, device.Shader)
	for i, s := range p.steps {
		if i > 0 {
			l.Barrier(device.Shader, device.Shader)
		}
		d := device.Dispatch{Kernel: s.kernel, Spec: s.spec, Push: s.push, Workgroups: s.workgroups}
		for _, v := range s.views {
			d.Views = append(d.Views, device.View{Buffer: e.arena, Offset: offsets[v], Words: len(p.buffers[v].words)})
		}
		l.Dispatch(d)
	}
	l.Barrier(device.Shader, device.Transfer)
	l.Copy(e.arena, e.down, device.Region{Words: total})
	return l
}

// collect copies the buffers out of the arena and checks the guards and that
// inputs are as they were.
func collect(p *program, offsets []int, arena []uint32) ([][]uint32, error) {
	words := make([][]uint32, len(p.buffers))
	at := 0
	for i, b := range p.buffers {
		if b.part {
			words[i] = words[b.of][b.at : b.at+len(b.words)]
			continue
		}
		if err := checkGuards(arena, at, offsets[i], "before "+b.name); err != nil {
			return nil, err
		}
		at = offsets[i] + len(b.words)
		words[i] = append([]uint32(nil), arena[offsets[i]:at]...)
		if b.output {
			continue
		}
		if j := firstDifference(words[i], b.words); j >= 0 {
			return nil, &wordError{"input " + b.name, j, words[i][j], b.words[j]}
		}
	}
	return words, checkGuards(arena, at, len(arena), "after the last buffer")
}

func checkGuards(arena []uint32, from, to int, where string) error {
	for i := from; i < to; i++ {
		if arena[i] != guard(i) {
			return &wordError{"guard " + where, i - from, arena[i], guard(i)}
		}
	}
	return nil
}

// firstDifference is the first index where two slices of one length differ, or -1.
func firstDifference(a, b []uint32) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

// wordError is a word that is not what it must be.
type wordError struct {
	buffer    string
	index     int
	got, want uint32
}

func (e *wordError) Error() string {
	return fmt.Sprintf("%s[%d] is %08x, want %08x", e.buffer, e.index, e.got, e.want)
}
