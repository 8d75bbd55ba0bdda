package backend

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
)

// openLLVMpipe opens llvmpipe, alone or beside the reference, with the limits
// that every device has; validation messages fail the test.
func openLLVMpipe(t *testing.T, name string) device.Device {
	require.Regexp(t, "Vulkan|/.*llvmpipe", t.Name(), "make quick knows by these words what needs the validation layer")
	d, err := device.Open(name, device.Options{Validation: true, MinimumLimits: true})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, d.Close())
		assert.Zero(t, d.Stats().LiveBytes)
	})
	return d
}

func deviceBuffer(t *testing.T, d device.Device, label string, words int, m device.Memory) device.Buffer {
	b, err := d.NewBuffer(label, words, m)
	require.NoError(t, err)
	t.Cleanup(b.Release)
	return b
}
