package device

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// copyDispatch copies vectors of four words from the first view to the second.
func copyDispatch(vectors uint32, src, dst View) Dispatch {
	return Dispatch{
		Kernel:     shaders.Copy,
		Spec:       shaders.Spec{Workgroup: 64}.Words(shaders.Copy),
		Push:       shaders.CopyPush{Vectors: vectors}.Bytes(),
		Workgroups: (vectors + 63) / 64,
		Views:      []View{src, dst},
	}
}

func openCPU(t *testing.T) Device {
	d, err := Open("cpu", Options{MinimumLimits: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

func newBuffer(t *testing.T, d Device, label string, words int, m Memory) Buffer {
	b, err := d.NewBuffer(label, words, m)
	require.NoError(t, err)
	t.Cleanup(b.Release)
	return b
}

func TestListString(t *testing.T) {
	d := openCPU(t)
	rows, slots := newBuffer(t, d, "window.k", 256, DeviceLocal), newBuffer(t, d, "slots", 512, DeviceLocal)
	l := NewList(d)
	l.Fill(slots, 0, 512, 7)
	l.Copy(rows, slots, Region{0, 8, 4}, Region{16, 32, 1})
	l.Barrier(Transfer, Shader)
	l.Dispatch(copyDispatch(16, View{rows, 64, 64}, View{slots, 128, 64}))
	l.Mark("copied")
	require.NoError(t, l.Err())
	assert.Equal(t, `fill buffer slots[0:512] = 0x00000007
copy buffer window.k -> slots | 0->8:4 16->32:1
barrier transfer -> shader
copy workgroup=64 | vectors=16 | src=window.k[64:128] dst=slots[128:192] | 1 workgroups
mark copied
`, l.String())
	assert.Len(t, l.Commands(), 5)
	l.Reset()
	assert.Empty(t, l.String())
}

func TestCopyStringShortensManyRegions(t *testing.T) {
	d := openCPU(t)
	a, b := newBuffer(t, d, "a", 64, DeviceLocal), newBuffer(t, d, "b", 64, DeviceLocal)
	l := NewList(d)
	regions := make([]Region, 9)
	for i := range regions {
		regions[i] = Region{i, i, 1}
	}
	l.Copy(a, b, regions...)
	assert.Equal(t, "copy buffer a -> b | 0->0:1 1->1:1 2->2:1 3->3:1 and 5 more\n", l.String())
}

func TestListErr(t *testing.T) {
	d := openCPU(t)
	a, b := newBuffer(t, d, "a", 128, DeviceLocal), newBuffer(t, d, "b", 128, DeviceLocal)
	whole := copyDispatch(32, Whole(a), Whole(b))
	dispatch := func(change func(*Dispatch)) func(*List) {
		return func(l *List) {
			c := whole
			c.Views = []View{Whole(a), Whole(b)}
			change(&c)
			l.Dispatch(c)
		}
	}
	for _, c := range []struct {
		name   string
		record func(*List)
		want   string
	}{
		{"no kernel", dispatch(func(d *Dispatch) { d.Kernel = nil }), "dispatch: no kernel"},
		{"constants", dispatch(func(d *Dispatch) { d.Spec = nil }), "copy: 0 constants given, the kernel has 1"},
		{"push size", dispatch(func(d *Dispatch) { d.Push = d.Push[:3] }), "copy: 3 push bytes given, the kernel has 4"},
		{"views missing", dispatch(func(d *Dispatch) { d.Views = d.Views[:1] }), "copy: 1 views given, the kernel has 2 bindings"},
		{"no workgroups", dispatch(func(d *Dispatch) { d.Workgroups = 0 }), "copy: 0 workgroups, limit 1..65535"},
		{"many workgroups", dispatch(func(d *Dispatch) { d.Workgroups = 65536 }), "copy: 65536 workgroups, limit 1..65535"},
		{"wide workgroup", dispatch(func(d *Dispatch) { d.Spec = []uint32{129} }), "copy: workgroup of 129 invocations, limit 1..128"},
		{"view too long", dispatch(func(d *Dispatch) { d.Views[1].Words = 129 }), "copy: dst: view b[0:129] of a buffer of 128 words"},
		{"view out of range", dispatch(func(d *Dispatch) { d.Views[0].Offset = 64 }), "copy: src: view a[64:192] of a buffer of 128 words"},
		{"view unaligned", dispatch(func(d *Dispatch) { d.Views[0] = View{a, 4, 8} }), "copy: src: view a[4:12] is not aligned to 64 words"},
		{"view of nothing", dispatch(func(d *Dispatch) { d.Views[0] = View{} }), "copy: src: no buffer"},
		{"negative offset", func(l *List) { l.Fill(a, -1, 4, 0) }, "fill buffer: view a[-1:3] of a buffer of 128 words"},
		{"copy source", func(l *List) { l.Copy(a, b, Region{120, 0, 9}) }, "copy buffer: source: view a[120:129] of a buffer of 128 words"},
		{"copy target", func(l *List) { l.Copy(a, b, Region{0, 128, 1}) }, "copy buffer: target: view b[128:129] of a buffer of 128 words"},
		{"copy nothing", func(l *List) { l.Copy(a, b) }, "copy buffer: no regions"},
		{"copy onto itself", func(l *List) { l.Copy(a, a, Region{0, 4, 8}) }, "copy buffer: region 0->4 of 8 words is overwritten by the same copy"},
		{"copy in a circle", func(l *List) { l.Copy(a, a, Region{0, 8, 4}, Region{8, 16, 4}) }, "copy buffer: region 8->16 of 4 words is overwritten by the same copy"},
		{"stage", func(l *List) { l.Barrier(0, Shader) }, "barrier: unknown stage(0)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := NewList(d)
			l.Mark("first")
			c.record(l)
			require.EqualError(t, l.Err(), "device: command 1: "+c.want)
			_, err := d.Submit(l)
			assert.Equal(t, l.Err(), err)
			l.Mark("ignored after the first mistake")
			assert.Len(t, l.Commands(), 1)
		})
	}
}

func TestOnlyMark(t *testing.T) {
	l := NewList(openCPU(t))
	l.OnlyMark("b")
	l.Mark("a")
	l.Mark("b")
	assert.Equal(t, "mark b\n", l.String())
	l.Reset()
	l.Mark("a")
	assert.Equal(t, "mark a\n", l.String())
}
