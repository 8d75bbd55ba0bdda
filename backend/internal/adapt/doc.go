// Package adapt chooses the bits of stored groups anew and moves what changes.
//
// A round goes through all groups of a sequence, batch by batch; one batch of a
// cache is in flight at a time. Its list chooses bits on the device. A goroutine
// waits for that, compares with the page table's mirror, finds room, prepares
// what promotions lack from the full-precision rows on the host, and has the
// pages written: those that stay are copied, those that lose bits are repacked on
// the device alone. Then the batch is ready, and the caller puts the new pairs in
// the page table (Adapter.land); until then all lists read the old ones.
package adapt
