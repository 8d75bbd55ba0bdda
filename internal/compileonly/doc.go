// Package compileonly compiles the kernels for AMD chips that are not there.
// RADV, Mesa's driver, takes RADV_FORCE_FAMILY for the chip to be; a process
// can be one chip only, and the driver ends a process that asks for a chip it
// does not know. So Run starts a process a chip, which calls Serve: cases go in
// as one JSON value, results come out as one a case.
package compileonly
