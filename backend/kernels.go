package backend

import (
	"cmp"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// constants are the values of lib/config.glsl for one pipeline.
type constants struct {
	layout    shaders.Layout
	lanes     int
	in, out   Type
	workgroup int  // 0: the usual one
	queries   int  // vectors of a tile
	ring      bool // score and mix read the recent window
	staged    bool // score stages queries in shared memory
}

func (c constants) spec(k *shaders.Kernel) []uint32 {
	values := map[string]uint32{
		"WORKGROUP": uint32(cmp.Or(c.workgroup, device.Workgroup)), "LANES": uint32(c.lanes), "TYPE": c.in.shader(), "OUT_TYPE": c.out.shader(),
		"HEAD_DIM": uint32(c.layout.HeadDim), "ROWS": uint32(c.layout.Rows),
		"LOW": uint32(c.layout.Low), "HIGH": uint32(c.layout.High),
		"QUERIES": uint32(c.queries), "RING": flag(c.ring), "STAGED": flag(c.staged),
	}
	spec := make([]uint32, len(k.Constants))
	for i, n := range k.Constants {
		spec[i] = values[n.Name]
	}
	return spec
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// workgroups is the number of workgroups for the given invocations.
func workgroups(invocations int) uint32 {
	return uint32((invocations + device.Workgroup - 1) / device.Workgroup)
}
