package device

import (
	"context"
	"fmt"
	"slices"
)

// bothBuffer is a buffer on the device under test and its twin.
type bothBuffer struct {
	device *bothDevice
	test   Buffer
	ref    *cpuBuffer
}

func (b *bothBuffer) Label() string   { return b.test.Label() }
func (b *bothBuffer) Len() int        { return b.test.Len() }
func (b *bothBuffer) Words() []uint32 { return b.test.Words() }
func (b *bothBuffer) Release() {
	b.test.Release()
	b.ref.Release()
}

func (b *bothBuffer) clear() error {
	if w := b.test.Words(); w != nil {
		clear(w)
		return nil
	}
	l := NewList(b.device.test)
	defer l.Release()
	l.Fill(b.test, 0, b.test.Len(), 0)
	return Run(context.Background(), b.device.test, l)
}

// listPair is one list in terms of the buffers of each side.
type listPair struct {
	source, test, ref *List
	buffers           []*bothBuffer // each once
}

func (p *listPair) Release() { p.test.Release() }

// pairOf translates a list, once while it is unchanged.
func (d *bothDevice) pairOf(l *List) (*listPair, error) {
	if p, ok := l.compiled.(*listPair); ok {
		return p, nil
	}
	p := &listPair{source: l, test: NewList(d.test), ref: NewList(d.ref)}
	for i, c := range l.commands {
		for _, v := range buffersOf(c) {
			b, ok := v.(*bothBuffer)
			if !ok || b.device != d {
				return nil, fmt.Errorf("device: command %d: %s: buffer %s of another device", i, c, v.Label())
			}
			if !slices.Contains(p.buffers, b) {
				p.buffers = append(p.buffers, b)
			}
		}
		p.test.commands = append(p.test.commands, withBuffers(c, func(b Buffer) Buffer { return b.(*bothBuffer).test }))
		p.ref.commands = append(p.ref.commands, withBuffers(c, func(b Buffer) Buffer { return b.(*bothBuffer).ref }))
	}
	l.compiled = p
	return p, nil
}

// takeInputs brings what the host wrote to the twins, and returns a copy of
// the twins' words before the list runs.
func (p *listPair) takeInputs() map[*bothBuffer][]uint32 {
	before := make(map[*bothBuffer][]uint32, len(p.buffers))
	for _, b := range p.buffers {
		if b.ref.memory == Upload {
			copy(b.ref.words, b.test.Words())
		}
		before[b] = slices.Clone(b.ref.words)
	}
	return before
}

// restore sets both sides of the buffers to the given words.
func restore(before map[*bothBuffer][]uint32) error {
	for b, words := range before {
		copy(b.ref.words, words)
		if err := Write(context.Background(), b.device.test, b.test, 0, words); err != nil {
			return err
		}
	}
	return nil
}

// buffersOf are the buffers that a command names.
func buffersOf(c Command) []Buffer {
	switch c := c.(type) {
	case *Dispatch:
		all := make([]Buffer, len(c.Views))
		for i, v := range c.Views {
			all[i] = v.Buffer
		}
		return all
	case *Copy:
		return []Buffer{c.Src, c.Dst}
	case *Fill:
		return []Buffer{c.Buffer}
	}
	return nil
}

// withBuffers is the command with each buffer replaced.
func withBuffers(c Command, replace func(Buffer) Buffer) Command {
	switch c := c.(type) {
	case *Dispatch:
		d := *c
		d.Views = slices.Clone(c.Views)
		for i := range d.Views {
			d.Views[i].Buffer = replace(d.Views[i].Buffer)
		}
		return &d
	case *Copy:
		return &Copy{Src: replace(c.Src), Dst: replace(c.Dst), Regions: c.Regions}
	case *Fill:
		f := *c
		f.Buffer = replace(c.Buffer)
		return &f
	}
	return c
}
