package vk

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	vulkan "github.com/vulkan-go/vulkan"
)

// useSwiftShader lets the loader find SwiftShader alone, which has windows that are
// nowhere to be seen.
func useSwiftShader(t *testing.T) {
	icd := cmp.Or(os.Getenv("QAQVK_SWIFTSHADER_ICD"), "/usr/lib/chromium/vk_swiftshader_icd.json")
	require.FileExists(t, icd)
	t.Setenv("VK_ICD_FILENAMES", icd)
}

// show presents some pictures to a window that is nowhere to be seen.
func show(fault func(call string) vulkan.Result, pictures int) (d *Device, err error) {
	d, err = open(Options{Device: "SwiftShader", Window: Headless(), Validation: true}, hooks{fault: fault})
	if err != nil {
		return nil, err
	}
	defer func() { err = firstError(err, d.Close()) }()
	s, err := d.NewSwapchain(40, 30)
	if err != nil {
		return d, err
	}
	defer s.Release()
	for i := range pictures {
		for at := range s.Pixels() {
			s.Pixels()[at] = byte(i)
		}
		if err := s.Present(); err != nil {
			return d, err
		}
	}
	return d, nil
}

func TestSwapchainPresents(t *testing.T) {
	useSwiftShader(t)
	d, err := open(Options{Device: "SwiftShader", Window: Headless(), Validation: true}, hooks{})
	require.NoError(t, err)
	t.Cleanup(func() { closeTest(t, d) })
	require.Contains(t, d.Info().Name, "SwiftShader")
	s, err := d.NewSwapchain(40, 30)
	require.NoError(t, err)
	w, h := s.Size()
	require.Equal(t, [2]int{1280, 720}, [2]int{w, h}, "the size that SwiftShader says its window has")
	require.Len(t, s.Pixels(), 4*w*h)
	for range 9 {
		require.NoError(t, s.Present())
	}
	s.Release()
	s.Release()
	other, err := d.NewSwapchain(60, 20)
	require.NoError(t, err)
	require.NoError(t, other.Present())
	other.Release()
}

func TestSwapchainNeedsAWindow(t *testing.T) {
	useSwiftShader(t)
	d, err := Open(Options{Device: "SwiftShader"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	_, err = d.NewSwapchain(40, 30)
	require.EqualError(t, err, "vk: swapchain: the device was opened for no window")
	none := Headless()
	none.Surface = func(uintptr) (uint64, error) { return 0, errors.New("no such window") }
	_, err = Open(Options{Device: "SwiftShader", Window: none})
	require.EqualError(t, err, "vk: surface of the window: no such window")
	none.Extensions = []string{"VK_NO_such_extension"}
	_, err = Open(Options{Device: "SwiftShader", Window: none})
	require.ErrorContains(t, err, "extension not present")
}

// Devices that compute and do not know the window system are not asked to present.
func TestNoDevicePresents(t *testing.T) {
	useSwiftShader(t)
	w, asked := Headless(), 0
	w.Presents = func(instance, device uintptr, family uint32) bool {
		require.NotZero(t, instance)
		require.NotZero(t, device)
		asked++
		return false
	}
	_, err := Open(Options{Window: w})
	require.ErrorIs(t, err, ErrNoPresent)
	require.ErrorContains(t, err, "SwiftShader")
	require.Positive(t, asked)
	_, err = Open(Options{Device: "nothing like it", Window: Headless()})
	require.ErrorIs(t, err, ErrUnknownDevice)
}

// Each call of presenting fails in turn: the error names it, and nothing is left.
func TestEveryCallOfPresentingFails(t *testing.T) {
	useSwiftShader(t)
	var calls []string
	_, err := show(func(call string) vulkan.Result {
		calls = append(calls, call)
		return vulkan.Success
	}, 2)
	require.NoError(t, err)
	first := slices.Index(calls, "vkGetPhysicalDeviceSurfaceCapabilitiesKHR")
	require.Positive(t, first)
	require.Greater(t, len(calls)-first, 12)
	for result, want := range map[vulkan.Result]error{vulkan.ErrorSurfaceLost: ErrSurfaceLost, vulkan.ErrorOutOfDate: ErrOutOfDate, vulkan.ErrorOutOfDeviceMemory: ErrOutOfDeviceMemory} {
		for n := first; n < len(calls); n++ {
			if calls[n] == "vkWaitForFences" || calls[n] == "vkResetFences" {
				continue // tried again, and done without
			}
			at := 0
			d, err := show(func(call string) vulkan.Result {
				if at++; at == n+1 {
					return result
				}
				return vulkan.Success
			}, 2)
			require.ErrorIs(t, err, want, calls[n])
			require.ErrorContains(t, err, calls[n])
			requireZero(t, d)
		}
	}
}

// A device that is lost while it presents says so.
func TestPresentingOnALostDevice(t *testing.T) {
	useSwiftShader(t)
	d, err := show(func(call string) vulkan.Result {
		if call == "vkQueuePresentKHR" {
			return vulkan.ErrorDeviceLost
		}
		return vulkan.Success
	}, 2)
	require.ErrorIs(t, err, ErrDeviceLost)
	requireZero(t, d)
}
