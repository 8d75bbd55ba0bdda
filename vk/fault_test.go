package vk

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	vulkan "github.com/vulkan-go/vulkan"

	"github.com/qaqvk/qaqvk/shaders"
)

// session makes every kind of object once. It returns the first error and the
// device, closed, if it was opened.
func session(file string, fault func(call string) vulkan.Result) (d *Device, err error) {
	d, err = open(Options{Device: testDevice(), PipelineCache: file}, hooks{fault: fault})
	if err != nil {
		return nil, err
	}
	defer func() { err = firstError(err, d.Close()) }()
	src, err := d.NewBuffer("src", 64, Upload)
	if err != nil {
		return d, err
	}
	defer src.Release()
	dst, err := d.NewBuffer("dst", 1<<20, DeviceLocal)
	if err != nil {
		return d, err
	}
	defer dst.Release()
	p, err := d.NewPipeline(shaders.Copy, []uint32{4})
	if err != nil {
		return d, err
	}
	r, err := d.NewRecorder()
	if err != nil {
		return d, err
	}
	defer r.Release()
	r.Timestamp()
	r.Dispatch(p, shaders.CopyPush{Vectors: 4}.Bytes(), 1, View{Buffer: src}, View{Buffer: dst})
	r.Barrier(ToHost)
	r.Timestamp()
	if err := r.End(); err != nil {
		return d, err
	}
	f, err := d.Submit(r)
	if err != nil {
		return d, err
	}
	if err := f.Wait(context.Background()); err != nil {
		return d, err
	}
	_, err = r.Timestamps()
	if errors.Is(err, ErrNoTimestamps) {
		err = nil
	}
	return d, err
}

// TestEveryCallFails lets each Vulkan call of a session fail in turn: the error
// names the call, and nothing is left behind.
func TestEveryCallFails(t *testing.T) {
	var calls []string
	_, err := session(filepath.Join(t.TempDir(), "p"), func(call string) vulkan.Result {
		calls = append(calls, call)
		return vulkan.Success
	})
	require.NoError(t, err)
	require.Greater(t, len(calls), 30)
	opened := slices.Index(calls, "vkResetFences") + 1 // the end of the probe
	for n, call := range calls {
		failNth(t, n, call, vulkan.ErrorDeviceLost, ErrDeviceLost)
		if n >= opened {
			failNth(t, n, call, vulkan.ErrorOutOfDeviceMemory, ErrOutOfDeviceMemory)
		}
	}
}

func failNth(t *testing.T, n int, call string, result vulkan.Result, sentinel error) {
	t.Helper()
	at := -1
	d, err := session(filepath.Join(t.TempDir(), "p"), func(now string) vulkan.Result {
		at++
		if at == n {
			require.Equal(t, call, now)
			return result
		}
		return vulkan.Success
	})
	if call != "vkResetFences" { // a fence that cannot be reset is replaced
		require.ErrorIs(t, err, sentinel, "%s as call %d", call, n)
		require.ErrorContains(t, err, "vk: ")
		require.NotContains(t, err.Error(), "\n")
	}
	if d != nil {
		requireZero(t, d)
	}
}

// TestOpenUnwinds checks the counters of a device whose opening failed.
func TestOpenUnwinds(t *testing.T) {
	for _, call := range []string{"vkCreateInstance", "vkCreateDebugUtilsMessengerEXT", "vkEnumeratePhysicalDevices",
		"vkCreateDevice", "vkCreatePipelineCache", "vkCreateBuffer", "vkAllocateMemory", "vkMapMemory",
		"vkBindBufferMemory", "vkCreateShaderModule", "vkCreateComputePipelines", "vkCreateCommandPool",
		"vkAllocateCommandBuffers", "vkBeginCommandBuffer", "vkCreateDescriptorPool", "vkAllocateDescriptorSets",
		"vkEndCommandBuffer", "vkCreateFence", "vkQueueSubmit", "vkWaitForFences"} {
		t.Run(call, func(t *testing.T) {
			d := newDevice(hooks{fault: func(now string) vulkan.Result {
				if now == call {
					return vulkan.ErrorOutOfHostMemory
				}
				return vulkan.Success
			}})
			err := d.start(Options{Device: testDevice(), Validation: true}, hooks{})
			require.ErrorIs(t, err, ErrOutOfHostMemory)
			require.ErrorContains(t, err, call)
			d.unwind()
			requireZero(t, d)
			require.Empty(t, d.ValidationMessages())
		})
	}
}

func TestErrorNames(t *testing.T) {
	require.EqualError(t, resultError(vulkan.ErrorFeatureNotPresent), "feature not present")
	require.EqualError(t, resultError(-999), "VkResult -999")
	require.Equal(t, "64 MiB", amount(64<<20))
	require.Equal(t, "3 KiB", amount(3<<10))
	require.Equal(t, "1025 bytes", amount(1025))
	require.Equal(t, "fences", Fences.String())
	require.Equal(t, "Object(99)", Object(99).String())
	require.Equal(t, "Memory(9)", Memory(9).String())
	require.Equal(t, "to host", ToHost.String())
	require.Equal(t, "unknown barrier", Barrier(-1).String())
}
