package vk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

func TestCopyKernel(t *testing.T) {
	d := openTest(t, Options{})
	src := buffer(t, d, "src", 4096, Upload)
	mid := buffer(t, d, "mid", 4096, DeviceLocal)
	dst := buffer(t, d, "dst", 4096, Download)
	fillWords(src, 7)
	p, err := d.NewPipeline(shaders.Copy, shaders.Spec{Workgroup: 64}.Words(shaders.Copy))
	require.NoError(t, err)
	r := recorder(t, d)
	r.Copy(src, mid, Region{0, 0, 4096})
	r.Barrier(TransferToCompute)
	r.Dispatch(p, shaders.CopyPush{Vectors: 256}.Bytes(), 4, View{Buffer: mid}, View{Buffer: dst})
	r.Barrier(ToHost)
	require.NoError(t, r.End())
	run(t, d, r)
	require.Equal(t, src.Bytes(), dst.Bytes())
	t.Logf("%+v", d.Info())
}
