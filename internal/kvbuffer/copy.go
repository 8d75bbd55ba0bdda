package kvbuffer

import (
	"os"
	"slices"
)

// copying is the copy of a stream to another, which llama.cpp makes tensor by tensor.
type copying struct {
	from, to int
	done     []int // tensors: 2 · layer + kind
}

// Copy copies bytes of the buffer. When all tensors of a stream are copied to another,
// that is a fork. false: the caller copies them by Get and Set.
func (b *Buffer) Copy(to, from, n int) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prepare()
	if b.layout == nil || n != b.layout.streamBytes() {
		return false, nil
	}
	layer, kind, ok := b.layout.find(from)
	begin := 0
	if ok {
		begin = b.layout.tensors[layer][kind]
	}
	if !ok || (from-begin)%n != 0 || (to-begin)%n != 0 || to < begin || to >= begin+b.layout.streams*n || from == to {
		return false, nil
	}
	c := copying{from: (from - begin) / n, to: (to - begin) / n}
	if b.copying != nil && (b.copying.from != c.from || b.copying.to != c.to || slices.Contains(b.copying.done, 2*layer+kind)) {
		if err := b.settle(); err != nil {
			return false, err
		}
	}
	if b.copying == nil {
		if err := b.settleAll(); err != nil {
			return false, err
		}
		b.copying = &c
	}
	b.copying.done = append(b.copying.done, 2*layer+kind)
	if len(b.copying.done) < 2*len(b.layout.tensors) {
		return true, nil
	}
	return true, b.fork()
}

// settle copies what there is of a copy that was not finished.
func (b *Buffer) settle() error {
	c := b.copying
	if c == nil {
		return nil
	}
	b.copying = nil
	from, to := b.streams[c.from], b.streams[c.to]
	for _, s := range []*stream{from, to} {
		if err := b.toMemory(s); err != nil {
			return err
		}
	}
	b.copyMemory(to, from, c.done)
	return nil
}

// copyMemory copies the rows in memory that count.
func (b *Buffer) copyMemory(to, from *stream, tensors []int) {
	for _, t := range tensors {
		for c, kept := range from.kept {
			if kept {
				copy(b.row(t/2, t%2, to, int32(c)), b.row(t/2, t%2, from, int32(c)))
			}
		}
	}
	for c, kept := range from.kept {
		to.kept[c] = to.kept[c] || kept
	}
	to.dirty = to.dirty || from.dirty
}

// fork makes a stream one that equals another.
func (b *Buffer) fork() error {
	from, to, all := b.streams[b.copying.from], b.streams[b.copying.to], b.copying.done
	b.copying = nil
	if err := b.drop(to); err != nil {
		return err
	}
	to.empty()
	to.raw, to.rebuilt = from.raw, from.rebuilt
	b.copyMemory(to, from, all)
	copy(to.position, from.position)
	copy(to.hidden, from.hidden)
	if from.seq == nil {
		return nil
	}
	seq, err := from.seq.Fork()
	if err != nil {
		return err
	}
	to.seq = seq
	kept := slices.Clone(to.kept)
	to.add(from.order)
	copy(to.kept, kept)
	to.mean = from.mean.share()
	return nil
}

// clearEdges writes zeros to what lies outside of whole pages.
func clearEdges(mem []byte) {
	page := os.Getpagesize()
	clear(mem[len(mem)/page*page:])
}
