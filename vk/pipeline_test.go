package vk

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	vulkan "github.com/vulkan-go/vulkan"

	"github.com/qaqvk/qaqvk/shaders"
)

func defaults(k *shaders.Kernel) []uint32 {
	spec := make([]uint32, len(k.Constants))
	for i, c := range k.Constants {
		spec[i] = c.Default
	}
	return spec
}

// TestAllKernelsAtMinimum compiles every kernel within the guaranteed limits.
func TestAllKernelsAtMinimum(t *testing.T) {
	d := openTest(t, Options{MinimumLimits: true})
	require.Equal(t, MinimumLimits(), d.Limits())
	require.Equal(t, Features{}, d.Info().Features)
	for _, k := range shaders.All() {
		t.Run(k.Name, func(t *testing.T) {
			p, err := d.NewPipeline(k, defaults(k))
			require.NoError(t, err)
			require.Same(t, k, p.Kernel())
			require.Equal(t, k.Constants[0].Default, p.Workgroup())
		})
	}
}

func TestPipelineCached(t *testing.T) {
	d := openTest(t, Options{})
	before := d.Stats().Objects
	a, err := d.NewPipeline(shaders.Copy, []uint32{64})
	require.NoError(t, err)
	again, err := d.NewPipeline(shaders.Copy, []uint32{64})
	require.NoError(t, err)
	other, err := d.NewPipeline(shaders.Copy, []uint32{128})
	require.NoError(t, err)
	require.Same(t, a, again)
	require.NotSame(t, a, other)
	after := d.Stats().Objects
	require.Equal(t, before[Pipelines]+2, after[Pipelines])
	require.Zero(t, after[ShaderModules], "none is kept")
}

// control is a kernel that breaks one limit or rule.
func control(change func(*shaders.Kernel)) *shaders.Kernel {
	k := *shaders.Copy
	change(&k)
	return &k
}

func TestPipelineRefused(t *testing.T) {
	d := openTest(t, Options{MinimumLimits: true})
	tests := []struct {
		name  string
		k     *shaders.Kernel
		spec  []uint32
		limit bool
		want  string
	}{
		{"no kernel", nil, nil, false, "vk: pipeline of no kernel"},
		{"values", shaders.Copy, nil, false, "vk: pipeline copy: 0 specialization values, want 1"},
		{"no module", control(func(k *shaders.Kernel) { k.SPIRV = []byte("x") }), []uint32{1}, false,
			"vk: pipeline copy: spirv: 1 bytes are no module"},
		{"no invocations", shaders.Copy, []uint32{0}, false, "vk: pipeline copy: workgroup [0 1 1] is not one-dimensional"},
		{"invocations", shaders.Copy, []uint32{129}, true, "vk: pipeline copy: 129 invocations a workgroup, limit 128: over the device limit"},
		{"bindings", control(func(k *shaders.Kernel) { k.Bindings = make([]shaders.Binding, 5) }), []uint32{1}, true,
			"vk: pipeline copy: 5 storage buffers, limit 4: over the device limit"},
		{"push", control(func(k *shaders.Kernel) { k.PushSize = 132 }), []uint32{1}, true,
			"vk: pipeline copy: 132 bytes of push constants, limit 128: over the device limit"},
		{"capability", control(func(k *shaders.Kernel) {
			k.SPIRV = append(shaders.Copy.SPIRV[:20:20], capability(22, shaders.Copy.SPIRV)...)
		}), []uint32{1}, true,
			"vk: pipeline copy: SPIR-V capability 22 is not enabled: over the device limit"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := d.NewPipeline(test.k, test.spec)
			require.EqualError(t, err, test.want)
			if test.limit {
				require.ErrorIs(t, err, ErrLimit)
			}
		})
	}
	d.info.Limits.SharedBytes = 4611
	_, err := d.NewPipeline(shaders.Encode, defaults(shaders.Encode))
	require.EqualError(t, err, "vk: pipeline encode: 4612 bytes of shared memory, limit 4611: over the device limit")
}

// capability is the code behind a module's header with one more capability.
func capability(c byte, code []byte) []byte {
	return append([]byte{17, 0, 2, 0, c, 0, 0, 0}, code[20:]...)
}

// TestPipelinesAtTheSameTime builds some of a kernel, each asked for twice, at once.
func TestPipelinesAtTheSameTime(t *testing.T) {
	d := openTest(t, Options{})
	before := d.Stats().Objects[Pipelines]
	built := make([]*Pipeline, 8)
	var all sync.WaitGroup
	for i := range built {
		all.Go(func() {
			var err error
			built[i], err = d.NewPipeline(shaders.Copy, []uint32{uint32(32 << (i / 2))})
			assert.NoError(t, err)
		})
	}
	all.Wait()
	for i := range built {
		require.Same(t, built[i/2*2], built[i])
		require.Equal(t, uint32(32<<(i/2)), built[i].Workgroup())
	}
	require.Equal(t, before+4, d.Stats().Objects[Pipelines])
	require.True(t, d.Compiled(shaders.Copy, []uint32{64}))
	require.False(t, d.Compiled(shaders.Copy, []uint32{16}))
}

// TestPipelineThatFailedIsTriedAgain: an error is of one call.
func TestPipelineThatFailedIsTriedAgain(t *testing.T) {
	fail := false
	d, err := open(Options{Device: testDevice()}, hooks{fault: func(call string) vulkan.Result {
		if fail && call == "vkCreateComputePipelines" {
			return vulkan.ErrorOutOfHostMemory
		}
		return vulkan.Success
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	fail = true
	_, err = d.NewPipeline(shaders.Copy, []uint32{64})
	require.ErrorIs(t, err, ErrOutOfHostMemory)
	require.Zero(t, d.Stats().Objects[ShaderModules])
	fail = false
	_, err = d.NewPipeline(shaders.Copy, []uint32{64})
	require.NoError(t, err)
}
