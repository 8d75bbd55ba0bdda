package vk

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

func words(b *Buffer) []uint32 {
	out := make([]uint32, len(b.Bytes())/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b.Bytes()[4*i:])
	}
	return out
}

func TestCopyAndFill(t *testing.T) {
	d := openTest(t, Options{})
	src := buffer(t, d, "src", 64, Upload)
	mid := buffer(t, d, "mid", 64, DeviceLocal)
	dst := buffer(t, d, "dst", 64, Download)
	fillWords(src, 1)
	r := recorder(t, d)
	r.Fill(mid, 0, 64, 0xabcd)
	r.Barrier(TransferToTransfer)
	r.Copy(src, mid, Region{Src: 0, Dst: 8, Size: 8}, Region{Src: 32, Dst: 60, Size: 4})
	r.Copy(src, mid)
	r.Barrier(TransferToTransfer)
	r.Copy(mid, mid, Region{Src: 8, Dst: 16, Size: 8})
	r.Barrier(Full)
	r.Copy(mid, dst, Region{Size: 64})
	r.Barrier(ToHost)
	require.NoError(t, r.End())
	run(t, d, r)
	const f = 0xabcd
	require.Equal(t, []uint32{f, f, 1, 2, 1, 2, f, f, f, f, f, f, f, f, f, 9}, words(dst))
}

// TestResubmit runs one recording many times over new input, dispatches with
// views at offsets, and more sets and timestamps than one pool holds.
func TestResubmit(t *testing.T) {
	d := openTest(t, Options{})
	const dispatches = 70
	align := int64(d.Limits().StorageAlign)
	slot := (16 + align - 1) / align * align
	src := buffer(t, d, "src", slot*dispatches, Upload)
	dst := buffer(t, d, "dst", slot*dispatches, Download)
	p, err := d.NewPipeline(shaders.Copy, []uint32{1})
	require.NoError(t, err)
	r := recorder(t, d)
	r.Timestamp()
	for i := range int64(dispatches) {
		r.Dispatch(p, shaders.CopyPush{Vectors: 1}.Bytes(), 1,
			View{src, i * slot, 16}, View{dst, (dispatches - 1 - i) * slot, 16})
		r.Dispatch(p, shaders.CopyPush{Vectors: 1}.Bytes(), 0, View{Buffer: src}, View{Buffer: dst})
		r.Timestamp()
	}
	r.Barrier(ComputeToCompute)
	r.Prepare(p, dst) // nothing is copied
	r.Barrier(ToHost)
	require.NoError(t, r.End())
	_, err = r.Timestamps()
	require.Error(t, err, "it never ran")
	require.EqualValues(t, dispatches+1, d.Stats().Objects[DescriptorSets])
	for round := range uint32(20) {
		fillWords(src, round*1000)
		run(t, d, r)
		got, want := words(dst), words(src)
		for i := range dispatches {
			at, from := i*int(slot/4), (dispatches-1-i)*int(slot/4)
			require.Equal(t, want[from:from+4], got[at:at+4], "round %d, dispatch %d", round, i)
		}
	}
	require.LessOrEqual(t, d.Stats().Objects[Fences], int64(1), "fences are used again")
	checkTimestamps(t, d, r, dispatches+1)
}

func checkTimestamps(t *testing.T, d *Device, r *Recorder, n int) {
	t.Helper()
	stamps, err := r.Timestamps()
	if !d.Info().Timestamps {
		require.ErrorIs(t, err, ErrNoTimestamps)
		return
	}
	require.NoError(t, err)
	require.Len(t, stamps, n)
	require.Zero(t, stamps[0])
	for i := 1; i < n; i++ {
		require.GreaterOrEqual(t, stamps[i], stamps[i-1], "timestamp %d", i)
	}
	require.Positive(t, stamps[n-1])
	require.Less(t, stamps[n-1], time.Minute)
}

func TestNoTimestamps(t *testing.T) {
	d := openTest(t, Options{})
	d.info.Timestamps = false
	r := recorder(t, d)
	r.Timestamp()
	require.NoError(t, r.End())
	run(t, d, r)
	_, err := r.Timestamps()
	require.ErrorIs(t, err, ErrNoTimestamps)
	require.Zero(t, d.Stats().Objects[QueryPools])
}

func TestDurationsWrap(t *testing.T) {
	d := &Device{physical: &physical{period: 2, families: []queueFamily{{true, 36}}}}
	got := d.durations([]uint64{1<<36 - 10, 1<<36 - 5, 5})
	require.Equal(t, []time.Duration{0, 10, 30}, got)
	require.Empty(t, d.durations(nil))
}

func TestRecorderMisuse(t *testing.T) {
	d := openTest(t, Options{MinimumLimits: true})
	other := openTest(t, Options{})
	b := buffer(t, d, "b", 1024, DeviceLocal)
	big := buffer(t, d, "big", 1<<27+256, DeviceLocal)
	foreign := buffer(t, other, "foreign", 64, DeviceLocal)
	gone, err := d.NewBuffer("gone", 64, Upload)
	require.NoError(t, err)
	gone.Release()
	p, err := d.NewPipeline(shaders.Copy, []uint32{64})
	require.NoError(t, err)
	q, err := other.NewPipeline(shaders.Copy, []uint32{64})
	require.NoError(t, err)
	push := shaders.CopyPush{Vectors: 4}.Bytes()
	v := View{Buffer: b}
	tests := []struct {
		name   string
		record func(r *Recorder)
		limit  bool
		want   string
	}{
		{"no pipeline", func(r *Recorder) { r.Dispatch(nil, nil, 1) }, false, "vk: dispatch of no pipeline"},
		{"nothing to prepare", func(r *Recorder) { r.Prepare(nil, b) }, false, "vk: prepare no pipeline"},
		{"prepare without a buffer", func(r *Recorder) { r.Prepare(p, nil) }, false, "vk: prepare copy: view Src: no buffer"},
		{"pipeline of another device", func(r *Recorder) { r.Dispatch(q, push, 1, v, v) }, false,
			"vk: dispatch copy: pipeline of another device"},
		{"push", func(r *Recorder) { r.Dispatch(p, nil, 1, v, v) }, false, "vk: dispatch copy: 0 bytes of push constants, want 4"},
		{"views", func(r *Recorder) { r.Dispatch(p, push, 1, v) }, false, "vk: dispatch copy: 1 views, want 2"},
		{"workgroups", func(r *Recorder) { r.Dispatch(p, push, 65536, v, v) }, true,
			"vk: dispatch copy: 65536 workgroups, limit 65535: over the device limit"},
		{"no buffer", func(r *Recorder) { r.Dispatch(p, push, 1, v, View{}) }, false, "vk: dispatch copy: view Dst: no buffer"},
		{"foreign buffer", func(r *Recorder) { r.Dispatch(p, push, 1, v, View{Buffer: foreign}) }, false,
			`vk: dispatch copy: view Dst: buffer "foreign" of another device`},
		{"released buffer", func(r *Recorder) { r.Dispatch(p, push, 1, View{Buffer: gone}, v) }, false,
			`vk: dispatch copy: view Src: buffer "gone" is released`},
		{"unaligned view", func(r *Recorder) { r.Dispatch(p, push, 1, View{b, 128, 16}, v) }, true,
			"vk: dispatch copy: view Src: offset 128 is no multiple of 256: over the device limit"},
		{"view too long", func(r *Recorder) { r.Dispatch(p, push, 1, View{b, 256, 772}, v) }, false,
			`vk: dispatch copy: view Src: bytes 256+772 of buffer "b" of 1024`},
		{"view behind the end", func(r *Recorder) { r.Dispatch(p, push, 1, View{b, 1024, 0}, v) }, false,
			`vk: dispatch copy: view Src: bytes 1024+0 of buffer "b" of 1024`},
		{"view out of range", func(r *Recorder) { r.Dispatch(p, push, 1, View{Buffer: big}, v) }, true,
			"vk: dispatch copy: view Src: 134217984 bytes, limit 134217728: over the device limit"},
		{"copy from nothing", func(r *Recorder) { r.Copy(nil, b, Region{Size: 4}) }, false, "vk: copy source: no buffer"},
		{"copy too far", func(r *Recorder) { r.Copy(b, b, Region{0, 4, 4}, Region{0, 1020, 8}) }, false,
			`vk: copy: region 1 of 8 bytes from 0 in buffer "b" of 1024 to 1020 in buffer "b" of 1024`},
		{"copy of nothing", func(r *Recorder) { r.Copy(b, b, Region{}) }, false,
			`vk: copy: region 0 of 0 bytes from 0 in buffer "b" of 1024 to 0 in buffer "b" of 1024`},
		{"copy onto itself", func(r *Recorder) { r.Copy(b, b, Region{0, 64, 16}, Region{76, 128, 8}) }, false,
			`vk: copy: region 1 overlaps in buffer "b"`},
		{"fill too far", func(r *Recorder) { r.Fill(b, 1024, 4, 0) }, false, `vk: fill: bytes 1024+4 of buffer "b" of 1024`},
		{"fill odd", func(r *Recorder) { r.Fill(b, 2, 4, 0) }, false, `vk: fill: bytes 2+4 of buffer "b" of 1024`},
		{"barrier", func(r *Recorder) { r.Barrier(99) }, false, "vk: barrier: no kind 99"},
		{"end twice", func(r *Recorder) { _ = r.End() }, false, "vk: end: recording has ended"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := recorder(t, d)
			test.record(r)
			r.Fill(b, 0, 4, 0) // later commands change nothing
			if test.name != "end twice" {
				require.EqualError(t, r.Err(), test.want)
			}
			_, err := d.Submit(r)
			require.Error(t, err)
			if test.limit {
				require.ErrorIs(t, r.Err(), ErrLimit)
			}
		})
	}
}

func TestSubmitMisuse(t *testing.T) {
	d := openTest(t, Options{})
	other := openTest(t, Options{})
	_, err := d.Submit(nil)
	require.EqualError(t, err, "vk: submit: no recorder of this device")
	r := recorder(t, d)
	_, err = other.Submit(r)
	require.EqualError(t, err, "vk: submit: no recorder of this device")
	_, err = d.Submit(r)
	require.EqualError(t, err, "vk: submit: recording has not ended")
	b, err := d.NewBuffer("b", 64, DeviceLocal)
	require.NoError(t, err)
	r.Fill(b, 0, 64, 1)
	require.NoError(t, r.End())
	run(t, d, r)
	b.Release()
	_, err = d.Submit(r)
	require.EqualError(t, err, `vk: submit: buffer "b" is released`)
	r.Release()
	r.Release()
	_, err = d.Submit(r)
	require.EqualError(t, err, "vk: submit: recorder closed")
	r.Fill(b, 0, 4, 1)
	require.EqualError(t, r.Err(), "vk: fill: recorder closed")
}
