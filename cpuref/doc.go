// Package cpuref is the reference of every kernel in shaders: one file a
// kernel, of the same name, its buffers in the order of the shader's bindings,
// and what kernels share in files of the names of shaders/lib (attend, decay, float,
// group, math, planes, quantize, rewrite, select, stored). It is written from the
// contract in the documentation of package shaders and from nothing else, in
// pure Go, and is also the device "cpu".
//
// Results depend on the arguments alone: not on WORKGROUP, LANES, GOMAXPROCS,
// GOAMD64 or the processor. Every product that is added to something has an
// explicit float32 conversion, which keeps the compiler from fusing the two.
//
// A kernel is a function that checks its arguments and calls a body for each
// group, job, tile or token. Read planes.go (row strings), float.go (element
// types), group.go and select.go (outliers, range), quantize.go (codes), page.go,
// then any kernel; for attention math.go and attend.go (frames, tiles, bounds)
// and stored.go (rows of pages and of the window), then arrange_queries, score,
// softmax, weighted_sum, combine in the order of their dispatches,
// record_importance and reduce_importance. For the calibrated codec: record.go (record
// tables, pages), calibrated.go (codes and values), rotation.go (means, tables),
// assemble.go (records), then the kernels with _calibrated in their names; for levels
// accumulate_importance, normalize_importance, choose_levels.
//
// A function that is given a buffer too small for what the other arguments ask
// returns a *RangeError; it never panics. Buffers may have been written in part
// by then.
package cpuref
