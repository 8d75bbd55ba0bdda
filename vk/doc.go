// Package vk runs the kernels of package shaders on Vulkan 1.1 devices: device
// choice, memory, pipelines, recording, submission, and nothing implicit.
//
//	d, err := vk.Open(vk.Options{})                         // the best device, its arithmetic probed
//	b, err := d.NewBuffer("rows", 4096, vk.Upload)          // b.Bytes() is mapped
//	p, err := d.NewPipeline(shaders.Copy, spec.Words())     // cached by kernel and values
//	r, err := d.NewRecorder()
//	r.Dispatch(p, push.Bytes(), groups, vk.View{Buffer: b}, ...)
//	r.Barrier(vk.ToHost)                                    // never implied
//	err = r.End()                                           // the first misuse of all commands
//	f, err := d.Submit(r)                                   // again and again
//	err = f.Wait(ctx)
//
// # Errors
//
// An error is one line, "vk: vkAllocateMemory 64 MiB: out of device memory",
// and wraps a sentinel (ErrOutOfDeviceMemory, ErrLimit, ...) where a caller can
// act on it. A lost device stays lost: every later call fails with
// ErrDeviceLost at once, and Close still releases everything.
//
// # Limits
//
// Whatever Info.Limits says is enforced here, at construction and recording,
// before the driver sees it. With Options.MinimumLimits that is no more than
// the specification guarantees, and no optional feature is enabled, so that a
// program can be shown to run on the poorest device.
//
// # Arithmetic
//
// Where the driver offers it, kernels with f32 arithmetic are told to round to
// nearest even and to keep subnormals (Info.FloatModes). Open probes every
// device, told or not, for rounding, contraction and subnormals.
//
// # Compiling only
//
// With Options.CompileOnly a device needs no hardware behind it: pipelines are
// made, and Pipeline.Executables returns the driver's statistics of them
// (registers, spills, sizes, estimates); nothing is probed, and there are
// no buffers and recorders.
//
// # Windows
//
// With Options.Window a device presents pictures of the host to a window of the system
// (NewSwapchain), and does nothing else. The package knows no window system: who has
// the window makes its surface.
//
// # Concurrency
//
// Device methods may be called from several goroutines; Close comes last. A
// Recorder belongs to one goroutine at a time, different ones record at once.
// A Fence may be waited for by many.
//
// # Vulkan
//
// The binding github.com/vulkan-go/vulkan is used here and nowhere else, and
// none of its types leaves the package. It knows Vulkan 1.1.88, and it frees
// arrays of structures from a finalizer while the driver may still read them;
// so newer structures and calls with arrays are the C of native_*.c. Handles
// are 64 bits wide.
package vk
