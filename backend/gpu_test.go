package backend

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// asGPU is a device that kernels are specialized for as for a GPU.
type asGPU struct{ device.Device }

func (d asGPU) Limits() device.Limits {
	l := d.Device.Limits()
	l.CPU, l.SubgroupSize = false, 32
	return l
}

// The forms of kernels that GPUs have give what the reference gives, in the dispatches of
// a cache: over several splits, of which the recent window continues the last.
func TestAttendAsOnGPUsOnVulkanAndReference(t *testing.T) {
	ranged := Config{Layers: 1, KVHeads: 2, QueryHeads: 6, HeadDim: 64, OutlierFraction: .01, Capacity: 700, MaxStepTokens: 64,
		Policy: policy.Uniform{KeyBits: 3, ValueBits: 2}}
	records := calibratedConfig(1, 2, 32, 32)
	records.Capacity, records.MaxStepTokens = 700, 64
	for name, cfg := range map[string]Config{"ranges": ranged, "records": records} {
		t.Run(name, func(t *testing.T) {
			s := newSequence(t, asGPU{openLLVMpipe(t, "both:llvmpipe")}, F16, cfg)
			for s.tokens(0) < 600 {
				s.step(50)
			}
			for _, n := range []int{1, 5} {
				q := s.queries(n)
				require.Less(t, relative(s.attend(0, q, AttendOptions{}), s.exactAttention(0, q, AttendOptions{})), 1e-5)
			}
		})
	}
}
