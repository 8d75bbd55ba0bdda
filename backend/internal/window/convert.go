package window

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// Conversion is a run of rows that change place and type; a token has KVHeads
// rows, and offsets and strides are in words of the views.
type Conversion struct {
	In, Out          uint32 // types
	Rows             int
	Src, Dst         device.View
	SrcAt, SrcStride int
	DstAt, DstStride int
	dstRing          int  // places of the ring that tokens are written to, 0: one after another
	first            int  // the first one's number
	firstAt          int  // it is word firstAt - 1 of src instead; 0: it is not
	clamp            bool // what would become infinite is clamped and counted
}

// Convert records a conversion.
func Convert(w *core.Work, l *device.List, v Conversion) {
	slack := v.Src.Offset % w.Limits.ViewAlign // views begin at aligned words
	v.Src.Offset, v.Src.Words = v.Src.Offset-slack, v.Src.Words+slack
	push := shaders.ConvertPush{Rows: uint32(v.Rows), RowsPerToken: uint32(w.KVHeads),
		SrcOffset: uint32(slack + v.SrcAt), SrcTokenStride: uint32(v.SrcStride),
		DstOffset: uint32(v.DstAt), DstTokenStride: uint32(v.DstStride),
		DstRing: uint32(v.dstRing), First: uint32(v.first)}
	if v.firstAt > 0 {
		push.First, push.FirstAt = 0, uint32(slack+v.firstAt)
	}
	if v.clamp {
		push.Clamp = 1
	}
	core.Dispatch(l, w.Pipeline(shaders.Convert, v.In, v.Out), push.Bytes(), v.Rows, v.Src, v.Dst, device.Whole(w.Clamped))
}
