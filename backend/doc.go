// Package backend is the KV cache that runtimes use, and the devices that it
// runs on.
//
// # Devices
//
// A Device runs recorded lists of commands over buffers of 32-bit words.
// OpenDevice opens a Vulkan device, "cpu" (package cpuref; needs no Vulkan) or
// "both:NAME", which runs every list on both and compares every word that they
// wrote. A List is data: it prints one line a command and can be run again.
//
// # Cache
//
// A Cache holds the K and V rows of one sequence. The newest tokens lie in a
// ring on the device as they came. When a page of tokens has left the recent
// window, encode chooses outliers, ranges and bits and quantizes, the host
// reads the bits, finds room of just that size, and pack writes the page.
// Pages of a layer lie side by side in few device buffers (segments), so that
// reading a layer takes one list: convert the new rows, decode the pages,
// convert the recent window.
//
// Adapt decides the bits of all stored groups anew. A segment in which bits
// change is written anew into a buffer of its new size: pages that stay are
// copied, those that lose bits are repacked on the device alone, and those that
// gain bits get what they lack from the full-precision rows on the host. Either
// way a page is, bit for bit, what encoding it anew with these bits would give.
//
// A Policy decides: importance and range in, bits out.
//
// Read config.go, cache.go, append.go, flush.go, read.go, adapt.go in this
// order; store.go and geometry.go say where things lie.
package backend
