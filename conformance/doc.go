// Package conformance proves that a device computes the same bits as the
// reference.
//
// A case is a kernel, its parameters and a seed: cases.json lists them all.
// The builder of a kernel (encode.go, pack.go, ...) turns a case into a
// program: buffers with their first words, and dispatches. Run executes it on
// a device with guard words around every buffer, and compares everything that
// comes back, words that a kernel must leave alone included, with the digest
// in expected.json, which cpuref made. Where they differ, the reference is run
// to name the word.
//
// Some programs run several kernels: "nesting" checks that codes nest, "attend"
// is attention from query rows to output rows and importance, and "splitting"
// checks that its bits depend on no size of tile, workgroup, part or dispatch
// and on no other query. Attention says what cases of attention run on; few
// constants differ between them, because drivers take longer to compile score
// than to run it.
//
// Those of the calibrated codec have names of their own, tables that a case makes up
// (calibrated.go), and "nesting_calibrated" for every pair of levels.
//
// After a change of the cases, of the reference or of the contract:
//
//	go test ./conformance -update
package conformance
