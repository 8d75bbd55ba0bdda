// Package conformance proves that a device computes the same bits as the
// reference.
//
// A case is a kernel, its parameters and a seed: cases.json lists them all.
// The builder of a kernel (encode.go, pack.go, ...) turns a case into a
// program: buffers with their first words, and dispatches. Run executes it on
// a device with guard words around every buffer, and compares everything that
// comes back, words that a kernel must leave alone included, with the digest
// in expected.json, which cpuref made. Where they differ, the reference is run
// to name the word. Cases "nesting" run several kernels and check laws that no
// single kernel shows.
//
// After a change of the cases, of the reference or of the contract:
//
//	go test ./conformance -update
package conformance
