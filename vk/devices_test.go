package vk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// childEnv makes the test binary run a scenario that needs a fresh process.
const childEnv = "QAQVK_TEST_CHILD"

func TestMain(m *testing.M) {
	if scenario := os.Getenv(childEnv); scenario != "" {
		os.Exit(child(scenario))
	}
	os.Exit(m.Run())
}

// child prints the error of opening a device and which sentinel it wraps.
func child(scenario string) int {
	o := Options{}
	switch scenario {
	case "no loader":
		loaderNames = []string{"libqaqvk-none.so.1"}
	case "no layer":
		o.Validation = true
	}
	_, err := Open(o)
	_, listErr := Devices()
	for _, sentinel := range []error{ErrNoLoader, ErrNoDriver, ErrNoValidation} {
		if errors.Is(err, sentinel) {
			fmt.Printf("%v|%v|%v\n", sentinel, err, listErr)
		}
	}
	return 0
}

func TestOpenInBareProcess(t *testing.T) {
	tests := []struct {
		name, env, want string
		sentinel        error
	}{
		{"no loader", "X=", "vk: libqaqvk-none.so.1: no Vulkan loader", ErrNoLoader},
		{"no driver", "VK_ICD_FILENAMES=none.json", "vk: vkCreateInstance: no Vulkan driver", ErrNoDriver},
		{"no layer", "VK_LAYER_PATH=none", "vk: VK_LAYER_KHRONOS_validation: validation layer not available", ErrNoValidation},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+test.name, "VK_DRIVER_FILES=", test.env)
			out, err := cmd.Output()
			require.NoError(t, err)
			parts := strings.Split(strings.TrimSpace(string(out)), "|")
			require.Equal(t, test.sentinel.Error(), parts[0])
			require.Equal(t, test.want, parts[1])
			if test.sentinel != ErrNoValidation {
				require.Equal(t, test.want, parts[2])
			}
		})
	}
}

func TestDevices(t *testing.T) {
	infos, err := Devices()
	require.NoError(t, err)
	require.NotEmpty(t, infos)
	for i, info := range infos {
		require.Equal(t, i, info.Index)
		require.NotEmpty(t, info.Name)
		require.NotEmpty(t, info.DriverInfo)
		require.GreaterOrEqual(t, info.APIVersion, "1.1")
		least := MinimumLimits()
		require.GreaterOrEqual(t, info.Limits.Invocations, least.Invocations)
		require.GreaterOrEqual(t, info.Limits.SharedBytes, least.SharedBytes)
		require.GreaterOrEqual(t, info.Limits.StorageBuffers, least.StorageBuffers)
		require.GreaterOrEqual(t, info.Limits.StorageRange, least.StorageRange)
		require.LessOrEqual(t, info.Limits.StorageAlign, least.StorageAlign)
		require.GreaterOrEqual(t, info.Limits.AllocationBytes, least.AllocationBytes)
		require.NotZero(t, info.SubgroupSize)
		require.Empty(t, info.Subnormals)
	}
}

func fakeDevices() []*physical {
	make := func(name, kind string, compute bool) *physical {
		return &physical{info: Info{Name: name, Type: kind, Compute: compute}}
	}
	return []*physical{
		make("llvmpipe (LLVM 15)", "cpu", true),
		make("Display only 4090", "discrete", false),
		make("Radeon RX 6600", "discrete", true),
		make("Intel UHD", "integrated", true),
		make("Radeon Vega", "integrated", true),
	}
}

func TestChoose(t *testing.T) {
	tests := []struct{ name, wanted, got, err string }{
		{"best", "", "Radeon RX 6600", ""},
		{"index", "3", "Intel UHD", ""},
		{"part of a name in any case", "LLVM", "llvmpipe (LLVM 15)", ""},
		{"best of two matches", "radeon", "Radeon RX 6600", ""},
		{"number in a name", "6600", "Radeon RX 6600", ""},
		{"index without compute", "1", "", `vk: device "Display only 4090": no device with a compute queue`},
		{"name without compute", "4090", "", `vk: device "4090": no device with a compute queue`},
		{"unknown", "mali", "", `vk: device "mali": unknown device; there are: 0 "llvmpipe (LLVM 15)", ` +
			`1 "Display only 4090", 2 "Radeon RX 6600", 3 "Intel UHD", 4 "Radeon Vega"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := choose(fakeDevices(), test.wanted)
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.got, p.info.Name)
		})
	}
	_, err := choose(fakeDevices()[1:2], "")
	require.ErrorIs(t, err, ErrNoCompute)
}

func TestChooseFamily(t *testing.T) {
	tests := []struct {
		name     string
		families []queueFamily
		want     uint32
		err      error
	}{
		{"none", nil, 0, ErrNoCompute},
		{"transfer only", []queueFamily{{false, 64}}, 0, ErrNoCompute},
		{"timestamps first", []queueFamily{{false, 64}, {true, 0}, {true, 36}}, 2, nil},
		{"without timestamps", []queueFamily{{false, 64}, {true, 0}}, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := chooseFamily(test.families)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestOpenUnknownDevice(t *testing.T) {
	_, err := Open(Options{Device: "no such device"})
	require.ErrorIs(t, err, ErrUnknownDevice)
	require.ErrorContains(t, err, `there are: 0 "`)
	require.NotContains(t, err.Error(), "\n")
}
