package device

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// faultyDevice flips a bit after every list that dispatches a kernel.
type faultyDevice struct {
	*cpuDevice
	index int // word of the dispatch's last view
}

func (d *faultyDevice) Submit(l *List) (Ticket, error) {
	t, err := d.cpuDevice.Submit(l)
	for _, c := range l.commands {
		if k, ok := c.(*Dispatch); ok {
			v := k.Views[len(k.Views)-1]
			v.Buffer.(*cpuBuffer).words[v.Offset+d.index] ^= 0x10
		}
	}
	return t, err
}

func TestBothDeviceAgrees(t *testing.T) {
	d := newBothDevice(newCPUDevice(Options{MinimumLimits: true}), Options{})
	exerciseDevice(t, d)
	assert.Equal(t, "both:cpu", d.Name())
}

func TestBothDeviceNamesTheFault(t *testing.T) {
	d := newBothDevice(&faultyDevice{newCPUDevice(Options{}), 5}, Options{})
	a, b := newBuffer(t, d, "a", 64, Upload), newBuffer(t, d, "b", 128, DeviceLocal)
	for i := range a.Words() {
		a.Words()[i] = uint32(i)
	}
	l := NewList(d)
	l.Fill(b, 0, 128, 0)
	l.Barrier(Transfer, Shader)
	l.Dispatch(copyDispatch(16, Whole(a), View{b, 64, 64}))
	l.Barrier(Shader, Transfer)
	l.Fill(b, 0, 64, 1)
	err := Run(context.Background(), d, l)
	var mismatch *MismatchError
	require.ErrorAs(t, err, &mismatch)
	assert.Equal(t, "device: command 2: copy workgroup=64 | vectors=16 | src=a[0:64] dst=b[64:128]"+
		" | 1 workgroups: b[69] is 00000015, want 00000005", err.Error())
}

func TestBothDeviceRejectsForeignBuffers(t *testing.T) {
	d := newBothDevice(newCPUDevice(Options{}), Options{})
	b := newBuffer(t, openCPU(t), "b", 8, DeviceLocal)
	l := NewList(d)
	l.Fill(b, 0, 8, 1)
	_, err := d.Submit(l)
	assert.EqualError(t, err, "device: command 0: fill buffer b[0:8] = 0x00000001: buffer b of another device")
}

func TestWritesFollowTheBindings(t *testing.T) {
	d := openCPU(t)
	a, b := newBuffer(t, d, "a", 64, DeviceLocal), newBuffer(t, d, "b", 64, DeviceLocal)
	c := copyDispatch(1, Whole(a), Whole(b))
	assert.Equal(t, []View{Whole(b)}, c.writes())
	assert.True(t, shaders.Copy.Bindings[0].ReadOnly)
}
