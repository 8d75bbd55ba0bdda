// Package bench times a device's work for a cache, in copy units: the time in
// which the copy kernel moves 64 MiB on the same device in the same run. Every
// case of the codec treats 33,554,432 elements.
//
// Attention and adaptation are timed as callers have them, through a
// backend.Cache. The kernels of the codec run on larger batches, in the pipelines
// that a cache builds. Names say what is timed: operation/type/head
// dimension/bits/outliers in percent, and the level where it is not head. encode
// runs rows to slots, the host's reading of the bits, and slots to pages, in
// batches whose staging stays below 5 MiB; outliers and bits are chosen in the
// pass. decode returns rows of the input type. demote and promote rewrite all
// pages.
package bench
