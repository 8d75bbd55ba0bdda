// Package device runs recorded lists of commands over buffers of 32-bit words,
// on a Vulkan device, on the CPU reference, or on both at once.
//
// Open opens a Vulkan device, "cpu" (package cpuref; needs no Vulkan) or
// "both:NAME", which runs every list on both and compares every word that they
// wrote. Adopt takes a Vulkan device that a runtime made. A List is data: it
// prints one line a command and can be submitted again and again.
package device
