package conformance

import (
	"context"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
)

func TestCPUConforms(t *testing.T) {
	conforms(t, openCPU(t))
}

// TestVulkanConforms runs on the device that QAQVK_DEVICE names, llvmpipe if
// none, with the limits that every device has and the validation layers on.
func TestVulkanConforms(t *testing.T) {
	name := os.Getenv("QAQVK_DEVICE")
	if name == "" {
		name = "llvmpipe"
	}
	d, err := device.Open(name, device.Options{Validation: true, MinimumLimits: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	conforms(t, d)
}

func conforms(t *testing.T, d device.Device) {
	expected, err := loadExpected()
	require.NoError(t, err)
	r, err := Run(t.Context(), d, nil, func(done, total int, c Case, failure *Failure) {
		if failure != nil {
			t.Errorf("%s: %s", failure.Case, failure.Message)
		}
	})
	require.NoError(t, err)
	assert.Equal(t, r.Cases, r.Passed)
	assert.Zero(t, r.Failed)
	assert.Equal(t, expected.Digest, r.Digest)
}

func TestFilter(t *testing.T) {
	d := openCPU(t)
	var names []string
	r, err := Run(t.Context(), d, regexp.MustCompile(`^copy/n3[123]/`), func(done, total int, c Case, _ *Failure) {
		names = append(names, c.Name)
		assert.Equal(t, len(names), done)
		assert.Equal(t, 3, total)
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"copy/n31/w128", "copy/n32/w128", "copy/n33/w128"}, names)
	assert.Equal(t, "cpu", r.Device)
	assert.Equal(t, "cpuref", r.Driver)
	assert.Equal(t, 3, r.Cases)
	assert.Equal(t, 3, r.Passed)
	assert.Len(t, r.Digest, 64)
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, openCPU(t), regexp.MustCompile(`^copy/n3[123]/`), func(done, _ int, _ Case, _ *Failure) {
		if done == 2 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.EqualError(t, err, "conformance: after 2 of 3 cases: context canceled")
}
