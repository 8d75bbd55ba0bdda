package vk

import (
	"fmt"
	"time"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// stampsPerPool is the number of timestamps of a query pool.
const stampsPerPool = 64

type stamps struct {
	pools []vulkan.QueryPool
	count int
}

// Timestamp notes the time when all commands before it are done. On a device
// without timestamps it does nothing.
func (r *Recorder) Timestamp() {
	if !r.ready("timestamp") || !r.device.info.Timestamps {
		return
	}
	s := &r.stamps
	if s.count == len(s.pools)*stampsPerPool {
		if r.err = r.addStampPool(); r.err != nil {
			return
		}
	}
	vulkan.CmdWriteTimestamp(r.commands, vulkan.PipelineStageBottomOfPipeBit,
		s.pools[s.count/stampsPerPool], uint32(s.count%stampsPerPool))
	s.count++
}

// addStampPool makes a query pool; every run of the commands resets it.
func (r *Recorder) addStampPool() error {
	info := vulkan.QueryPoolCreateInfo{SType: vulkan.StructureTypeQueryPoolCreateInfo,
		QueryType: vulkan.QueryTypeTimestamp, QueryCount: stampsPerPool}
	defer info.Free()
	pool, err := create(&r.device.calls, QueryPools, "vkCreateQueryPool", "", func(h *vulkan.QueryPool) vulkan.Result {
		return vulkan.CreateQueryPool(r.device.device, &info, nil, h)
	})
	if err != nil {
		return err
	}
	r.stamps.pools = append(r.stamps.pools, pool)
	vulkan.CmdResetQueryPool(r.commands, pool, 0, stampsPerPool)
	return nil
}

// Timestamps are the times that the last run noted, counted from the first of
// them. It fails with ErrNoTimestamps where the device has none, and while the
// commands are running or before they ever ran.
func (r *Recorder) Timestamps() ([]time.Duration, error) {
	if !r.device.info.Timestamps {
		return nil, fmt.Errorf("vk: timestamps: %w", ErrNoTimestamps)
	}
	if r.released {
		return nil, fmt.Errorf("vk: timestamps: recorder %w", ErrClosed)
	}
	if err := r.device.usable("timestamps"); err != nil {
		return nil, err
	}
	if r.own && (r.fence == nil || !r.fence.poll()) {
		return nil, fmt.Errorf("vk: timestamps: the commands have not finished")
	}
	ticks := make([]uint64, r.stamps.count)
	for i, pool := range r.stamps.pools {
		part := ticks[i*stampsPerPool : min((i+1)*stampsPerPool, len(ticks))]
		err := r.device.do("vkGetQueryPoolResults", "", func() vulkan.Result {
			return vulkan.GetQueryPoolResults(r.device.device, pool, 0, uint32(len(part)), uint(8*len(part)),
				unsafe.Pointer(unsafe.SliceData(part)), 8, vulkan.QueryResultFlags(vulkan.QueryResult64Bit))
		})
		if err != nil {
			return nil, err
		}
	}
	return r.device.durations(ticks), nil
}

// durations counts ticks from the first; counters of fewer than 64 bits wrap.
func (d *Device) durations(ticks []uint64) []time.Duration {
	out := make([]time.Duration, len(ticks))
	mask := ^uint64(0) >> (64 - min(d.physical.families[d.family].timestampBits, 64))
	for i, t := range ticks {
		out[i] = time.Duration(float64((t-ticks[0])&mask) * float64(d.physical.period))
	}
	return out
}

func (r *Recorder) destroyStamps() {
	for _, pool := range r.stamps.pools {
		vulkan.DestroyQueryPool(r.device.device, pool, nil)
		r.device.count(QueryPools, -1)
	}
	r.stamps = stamps{}
}
