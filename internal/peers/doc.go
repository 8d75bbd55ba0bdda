// Package peers has the codecs that others offer for keys and values, on the CPU,
// written from their descriptions: what a user would pick instead.
//
// A Codec replaces rows by what its decoder would return, and says how many bits
// an element takes, every header counted. Nothing is packed: these codecs are
// measured, not used. Rows are [tokens][KV heads][D], row-major, in f32; scales
// and norms are rounded to f16, as they are stored.
package peers
