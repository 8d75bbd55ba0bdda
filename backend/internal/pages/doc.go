// Package pages says where the pages of a cache lie on the device.
//
// The page of K and that of V of the same tokens and layer group lie side by
// side: a Pair. Pairs lie in Segments, device buffers of an Arena: in the
// reserve, which the sequences of a cache share, or in segments that belong to
// one layer group of one sequence and are rebuilt larger as it grows. A Table is
// the page table of a sequence, with a mirror of the bits of all groups. Forks
// hold pairs together; what is in a pair never changes, where it lies may.
package pages
