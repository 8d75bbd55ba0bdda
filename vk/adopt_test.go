package vk

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	vulkan "github.com/vulkan-go/vulkan"

	"github.com/qaqvk/qaqvk/shaders"
)

// owner is a program with Vulkan objects of its own, made with the binding
// alone, the validation layer watching.
type owner struct {
	instance vulkan.Instance
	physical vulkan.PhysicalDevice
	device   vulkan.Device
	queue    vulkan.Queue
	pool     vulkan.CommandPool
	commands vulkan.CommandBuffer
}

func (h *owner) handles() Handles {
	return Handles{Instance: uintptr(raw(h.instance)), PhysicalDevice: uintptr(raw(h.physical)),
		Device: uintptr(raw(h.device)), Queue: uintptr(raw(h.queue))}
}

func newOwner(t *testing.T, extensions ...string) *owner {
	t.Helper()
	require.NoError(t, loadLoader(0))
	vulkan.SetGetInstanceProcAddr(nativeEntry())
	require.NoError(t, vulkan.Init())
	h := &owner{}
	app := vulkan.ApplicationInfo{SType: vulkan.StructureTypeApplicationInfo, ApiVersion: version11}
	info := vulkan.InstanceCreateInfo{SType: vulkan.StructureTypeInstanceCreateInfo, PApplicationInfo: &app,
		EnabledLayerCount: 1, PpEnabledLayerNames: []string{validationLayer + "\x00"},
		EnabledExtensionCount: 1, PpEnabledExtensionNames: []string{"VK_EXT_debug_utils\x00"}}
	defer info.Free()
	var instance vulkan.Instance
	require.Equal(t, vulkan.Success, vulkan.CreateInstance(&info, nil, &instance))
	h.instance = instance
	require.NoError(t, vulkan.InitInstance(instance))
	h.pickDevice(t)
	h.makeDevice(t, extensions)
	return h
}

func (h *owner) pickDevice(t *testing.T) {
	t.Helper()
	nativeInit(h.instance)
	all, err := (&calls{}).physicals(h.instance)
	require.NoError(t, err)
	p, err := choose(all, testDevice())
	require.NoError(t, err)
	h.physical = p.handle
}

func (h *owner) makeDevice(t *testing.T, extensions []string) {
	t.Helper()
	priority := []float32{1}
	defer pin(priority)()
	info := vulkan.DeviceCreateInfo{SType: vulkan.StructureTypeDeviceCreateInfo, QueueCreateInfoCount: 1,
		PQueueCreateInfos: []vulkan.DeviceQueueCreateInfo{{SType: vulkan.StructureTypeDeviceQueueCreateInfo,
			QueueCount: 1, PQueuePriorities: priority}},
		EnabledExtensionCount: uint32(len(extensions)), PpEnabledExtensionNames: extensions}
	defer info.Free()
	var device vulkan.Device
	require.Equal(t, vulkan.Success, vulkan.CreateDevice(h.physical, &info, nil, &device))
	h.device = device
	var queue vulkan.Queue
	vulkan.GetDeviceQueue(device, 0, 0, &queue)
	h.queue = queue
	poolInfo := vulkan.CommandPoolCreateInfo{SType: vulkan.StructureTypeCommandPoolCreateInfo,
		Flags: vulkan.CommandPoolCreateFlags(vulkan.CommandPoolCreateResetCommandBufferBit)}
	defer poolInfo.Free()
	var pool vulkan.CommandPool
	require.Equal(t, vulkan.Success, vulkan.CreateCommandPool(device, &poolInfo, nil, &pool))
	h.pool = pool
	bufferInfo := vulkan.CommandBufferAllocateInfo{SType: vulkan.StructureTypeCommandBufferAllocateInfo,
		CommandPool: pool, Level: vulkan.CommandBufferLevelPrimary, CommandBufferCount: 1}
	defer bufferInfo.Free()
	commands := make([]vulkan.CommandBuffer, 1)
	require.Equal(t, vulkan.Success, vulkan.AllocateCommandBuffers(device, &bufferInfo, commands))
	h.commands = commands[0]
}

// record begins the runtime's command buffer, lets f record and ends it.
func (h *owner) record(t *testing.T, f func()) {
	t.Helper()
	info := vulkan.CommandBufferBeginInfo{SType: vulkan.StructureTypeCommandBufferBeginInfo}
	defer info.Free()
	require.Equal(t, vulkan.Success, vulkan.BeginCommandBuffer(h.commands, &info))
	f()
	require.Equal(t, vulkan.Success, vulkan.EndCommandBuffer(h.commands))
}

// submit runs the command buffer to its end.
func (h *owner) submit(t *testing.T) {
	t.Helper()
	require.Equal(t, vulkan.Success, nativeSubmit(h.queue, h.commands, vulkan.NullFence))
	require.Equal(t, vulkan.Success, vulkan.QueueWaitIdle(h.queue))
}

func (h *owner) destroy() {
	vulkan.DestroyCommandPool(h.device, h.pool, nil)
	vulkan.DestroyDevice(h.device, nil)
	vulkan.DestroyInstance(h.instance, nil)
}

// TestAdopt records a copy into the runtime's command buffer between the
// runtime's own commands; afterwards the runtime's objects still work.
func TestAdopt(t *testing.T) {
	h := newOwner(t)
	defer h.destroy()
	d, err := Adopt(h.handles(), Options{Validation: true})
	require.NoError(t, err)
	require.Equal(t, Features{}, d.Info().Features)
	require.Equal(t, FloatModes{}, d.Info().FloatModes)
	require.NotEmpty(t, d.Info().Subnormals)
	objects := d.Stats().Objects
	require.Zero(t, objects[Instances]+objects[LogicalDevices])

	src := buffer(t, d, "src", 1024, Upload)
	dst := buffer(t, d, "dst", 1024, Download)
	p, err := d.NewPipeline(shaders.Copy, []uint32{64})
	require.NoError(t, err)
	var r *Recorder
	h.record(t, func() {
		vulkan.CmdFillBuffer(h.commands, src.handle, 0, 16, 0xfeed)
		r = d.RecordInto(uintptr(raw(h.commands)))
		r.Timestamp()
		r.Barrier(TransferToCompute)
		r.Dispatch(p, shaders.CopyPush{Vectors: 64}.Bytes(), 1, View{Buffer: src}, View{Buffer: dst})
		r.Barrier(ToHost)
		r.Timestamp()
		require.NoError(t, r.End())
	})
	_, err = d.Submit(r)
	require.EqualError(t, err, "vk: submit: the command buffer is the caller's to submit")
	fillWords(src, 100)
	h.submit(t)
	checkTimestamps(t, d, r, 2)
	want := []uint32{0xfeed, 0xfeed, 0xfeed, 0xfeed}
	for i := uint32(4); i < 256; i++ {
		want = append(want, 100+i)
	}
	require.Equal(t, want, words(dst))

	own := recorder(t, d)
	own.Fill(dst, 0, 1024, 5)
	own.Barrier(ToHost)
	require.NoError(t, own.End())
	run(t, d, own)
	require.EqualValues(t, 5, words(dst)[255])

	for _, release := range []func(){own.Release, r.Release, src.Release, dst.Release} {
		release()
	}
	closeTest(t, d)
	h.record(t, func() {})
	h.submit(t)
	require.Equal(t, vulkan.Success, vulkan.DeviceWaitIdle(h.device), "the adopted device is dead")
}

// TestAdoptFails: what was made is undone, what was adopted stays.
func TestAdoptFails(t *testing.T) {
	h := newOwner(t)
	defer h.destroy()
	tests := []struct {
		name   string
		change func(*Handles)
		hooks  hooks
		want   string
	}{
		{"no device", func(x *Handles) { x.Device = 0 }, hooks{}, "vk: adopt: a handle is 0"},
		{"no queue", func(x *Handles) { x.Queue = 0 }, hooks{}, "vk: adopt: a handle is 0"},
		{"family", func(x *Handles) { x.QueueFamily = 77 }, hooks{}, "vk: adopt: queue family 77 of 1"},
		{"no memory", func(*Handles) {}, hooks{fault: func(call string) vulkan.Result {
			if call == "vkAllocateMemory" {
				return vulkan.ErrorOutOfDeviceMemory
			}
			return vulkan.Success
		}}, "out of device memory"},
		{"lost", func(*Handles) {}, hooks{fault: func(call string) vulkan.Result {
			if call == "vkWaitForFences" {
				return vulkan.ErrorDeviceLost
			}
			return vulkan.Success
		}}, "vk: vkWaitForFences: device lost"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := h.handles()
			test.change(&x)
			_, err := adopt(x, Options{Validation: true}, test.hooks)
			require.ErrorContains(t, err, test.want)
		})
	}
	h.record(t, func() {})
	h.submit(t)
}

// TestRecordIntoNothing refuses a command buffer that is none.
func TestRecordIntoNothing(t *testing.T) {
	d := openTest(t, Options{})
	r := d.RecordInto(0)
	r.Barrier(Full)
	require.EqualError(t, r.End(), "vk: record: no command buffer")
	r.Release()
	f := &Fence{device: d, done: true}
	ctx, cancel := context.WithTimeout(context.Background(), -time.Second)
	defer cancel()
	require.ErrorIs(t, f.Wait(ctx), context.DeadlineExceeded)
}
