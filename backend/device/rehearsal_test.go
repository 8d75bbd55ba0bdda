package device

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A rehearsal makes the pipelines of its lists and does nothing else, on each kind of
// device.
func TestRehearsalOnVulkan(t *testing.T) {
	for _, name := range []string{"llvmpipe", "both:llvmpipe", "cpu"} {
		t.Run(name, func(t *testing.T) {
			d := openCPU(t)
			if name != "cpu" {
				d = openVulkan(t, name)
			}
			before := d.Stats()
			r, err := Rehearsal(d)
			require.NoError(t, err)
			assert.Equal(t, d.Limits(), r.Limits())
			assert.Equal(t, d.Name()+d.Driver(), r.Name()+r.Driver())
			from, to := newBuffer(t, r, "from", 1<<20, Upload), newBuffer(t, r, "to", 1<<20, Download)
			from.Words()[0] = 3
			l := NewList(r)
			for range 2 {
				l.Dispatch(copyDispatch(1<<18, Whole(from), Whole(to)))
				l.Mark("copied")
			}
			require.NoError(t, Run(context.Background(), r, l))
			assert.Zero(t, to.Words()[0])
			if name != "cpu" {
				assert.Equal(t, 1, d.Stats().Objects["pipelines"]-before.Objects["pipelines"])
			}
			assert.Less(t, d.Stats().LiveBytes-before.LiveBytes, int64(4096))
			assert.Equal(t, before.PeakBytes, d.Stats().PeakBytes)

			l.Dispatch(copyDispatch(1, Whole(from), View{to, 1, 1 << 20}))
			assert.ErrorContains(t, Run(context.Background(), r, l), "device: command 4: copy: dst: view to[1:1048577] of a buffer of 1048576 words")
			from.Release()
			to.Release()
			require.NoError(t, r.Close())
			assert.Equal(t, before.LiveBytes, d.Stats().LiveBytes)
			assert.Equal(t, before.Objects["buffers"], d.Stats().Objects["buffers"])
		})
	}
}
