package vk

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	vulkan "github.com/vulkan-go/vulkan"

	"github.com/qaqvk/qaqvk/shaders"
)

// withoutHardware leaves RADV alone, for a chip that is not there.
func withoutHardware(t *testing.T) {
	t.Helper()
	drivers, err := filepath.Glob("/usr/share/vulkan/icd.d/radeon_icd*.json")
	require.NoError(t, err)
	require.NotEmpty(t, drivers, "RADV (mesa-vulkan-drivers) is not installed: run make setup")
	t.Setenv("VK_DRIVER_FILES", drivers[0])
	t.Setenv("VK_ICD_FILENAMES", drivers[0])
	t.Setenv("RADV_FORCE_FAMILY", "vega10")
}

func compiler(t *testing.T, o Options, h hooks) *Device {
	t.Helper()
	withoutHardware(t)
	o.CompileOnly = true
	d, err := open(o, h)
	require.NoError(t, err)
	t.Cleanup(func() { closeTest(t, d) })
	return d
}

func statistics(t *testing.T, p *Pipeline) map[string]float64 {
	t.Helper()
	all, err := p.Executables()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.EqualValues(t, 64, all[0].SubgroupSize)
	values := map[string]float64{}
	for _, s := range all[0].Statistics {
		require.NotEmpty(t, s.Description, s.Name)
		values[s.Name] = s.Value
	}
	return values
}

func TestCompileOnly(t *testing.T) {
	for _, o := range []Options{{Validation: true}, {Validation: true, MinimumLimits: true}} {
		d := compiler(t, o, hooks{})
		require.Contains(t, d.Info().Name, "VEGA10")
		require.Empty(t, d.Info().Subnormals)
		p, err := d.NewPipeline(shaders.Copy, []uint32{64})
		require.NoError(t, err)
		got := statistics(t, p)
		require.Positive(t, got["VGPRs"])
		require.Positive(t, got["Code size"])
		require.Contains(t, got, "Scratch size")
		require.Zero(t, got["Scratch size"])
		require.Zero(t, got["Spilled VGPRs"])
	}
}

func TestCompileOnlyRunsNothing(t *testing.T) {
	d := compiler(t, Options{}, hooks{})
	_, err := d.NewBuffer("b", 64, Upload)
	require.ErrorIs(t, err, ErrCompileOnly)
	_, err = d.NewRecorder()
	require.ErrorIs(t, err, ErrCompileOnly)
	r := d.RecordInto(1)
	defer r.Release()
	require.ErrorIs(t, r.Err(), ErrCompileOnly)
	_, err = d.Submit(r)
	require.EqualError(t, err, `vk: submit: device "`+d.Info().Name+`" opened for compiling only`)
}

func TestCompileOnlyFaults(t *testing.T) {
	for _, call := range []string{"vkGetPipelineExecutablePropertiesKHR", "vkGetPipelineExecutableStatisticsKHR"} {
		for nth := range 2 {
			now := -1
			d := compiler(t, Options{}, hooks{fault: func(c string) vulkan.Result {
				if c == call {
					now++
				}
				if c == call && now == nth {
					return vulkan.ErrorOutOfHostMemory
				}
				return vulkan.Success
			}})
			p, err := d.NewPipeline(shaders.Copy, []uint32{64})
			require.NoError(t, err)
			_, err = p.Executables()
			require.ErrorIs(t, err, ErrOutOfHostMemory)
			require.EqualError(t, err, "vk: "+call+" copy: out of host memory")
			statistics(t, p)
		}
	}
}

func TestStatisticsRefused(t *testing.T) {
	d := openTest(t, Options{})
	p, err := d.NewPipeline(shaders.Copy, []uint32{64})
	require.NoError(t, err)
	_, err = p.Executables()
	require.ErrorIs(t, err, ErrNoStatistics)
	require.NoError(t, d.Close())

	_, err = Adopt(Handles{Instance: 1, PhysicalDevice: 1, Device: 1, Queue: 1}, Options{CompileOnly: true})
	require.ErrorIs(t, err, ErrNoStatistics)

	withoutHardware(t)
	d, err = open(Options{CompileOnly: true}, hooks{})
	require.NoError(t, err)
	p, err = d.NewPipeline(shaders.Copy, []uint32{64})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = p.Executables()
	require.ErrorIs(t, err, ErrClosed)
}

// TestNoStatistics: llvmpipe 22.3 does not tell of its pipelines; a driver that
// does compiles as RADV does.
func TestNoStatistics(t *testing.T) {
	d, err := Open(Options{Device: testDevice(), CompileOnly: true})
	if err == nil {
		require.NoError(t, d.Close())
		require.True(t, d.physical.statistics)
		return
	}
	require.ErrorIs(t, err, ErrNoStatistics)
	require.NotContains(t, err.Error(), "\n")
}
