package device

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Write sets words of a buffer of any memory kind and waits until they are
// there. It is for set-up and tests: lists copy what a step needs.
func Write(ctx context.Context, d Device, b Buffer, offset int, words []uint32) error {
	v := View{b, offset, len(words)}
	if err := v.Check(); err != nil {
		return fmt.Errorf("device: write: %w", err)
	}
	if w := b.Words(); w != nil {
		copy(w[offset:], words)
		return nil
	}
	staging, err := d.NewBuffer(b.Label()+".staging", len(words), Upload)
	if err != nil {
		return err
	}
	defer staging.Release()
	copy(staging.Words(), words)
	return move(ctx, d, staging, b, Region{0, offset, len(words)})
}

// Read returns a copy of the words of a view, of any memory kind.
func Read(ctx context.Context, d Device, v View) ([]uint32, error) {
	if err := v.Check(); err != nil {
		return nil, fmt.Errorf("device: read: %w", err)
	}
	if w := v.Buffer.Words(); w != nil {
		return slices.Clone(w[v.Offset : v.Offset+v.Words]), nil
	}
	staging, err := d.NewBuffer(v.Buffer.Label()+".staging", v.Words, Download)
	if err != nil {
		return nil, err
	}
	defer staging.Release()
	if err := move(ctx, d, v.Buffer, staging, Region{v.Offset, 0, v.Words}); err != nil {
		return nil, err
	}
	return slices.Clone(staging.Words()), nil
}

// Run submits a list and waits for its end.
func Run(ctx context.Context, d Device, l *List) error {
	t, err := d.Submit(l)
	if err != nil {
		return err
	}
	return t.Wait(ctx)
}

func move(ctx context.Context, d Device, src, dst Buffer, r Region) error {
	l := NewList(d)
	defer l.Release()
	l.Copy(src, dst, r)
	return Run(ctx, d, l)
}

// leakError names what was not released when a device was closed.
func leakError(device string, labels []string) error {
	if len(labels) == 0 {
		return nil
	}
	slices.Sort(labels)
	return fmt.Errorf("device: %s: closed with %d buffers not released: %s",
		device, len(labels), strings.Join(labels, ", "))
}
