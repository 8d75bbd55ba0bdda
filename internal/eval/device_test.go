package eval

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
)

// Rows and importance have the same bits on every device: so has all that follows.
func TestEveryDeviceGivesTheSame(t *testing.T) {
	b := tiny(t)
	withProfile(t, b)
	run := func(d device.Device) []Row {
		b.Device = d
		o := options(t, b, "uniform-3-o1,qaq:key-error=0.05,value-error=0.02,h2o:48,calibrated,calibrated:2")
		o.Corpus = corpus(t, b, 192, 192)
		r, err := Run(t.Context(), b, o)
		require.NoError(t, err)
		for i := range r.Rows {
			r.Rows[i].Seconds = 0
		}
		return r.Rows
	}
	want := run(b.Device)
	vulkan, err := device.Open("llvmpipe", device.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, vulkan.Close()) }()
	require.Equal(t, want, run(vulkan))
}
