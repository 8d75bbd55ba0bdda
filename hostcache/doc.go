// Package hostcache keeps the full-precision copy of every K and V row in host
// memory, from which tokens get their bits back.
//
// A row here is the KVHeads*HeadDim elements of one token in one layer, K or
// V, in the type of the cache. Rows lie in blocks of 64 tokens of one
// (sequence, layer, K or V); the blocks together stay within a byte budget.
//
// Rows come down through staging memory: Acquire a slot, fill it (a device
// copy into pinned memory, or plain memory), Publish it with the ranges that
// it holds. One goroutine copies published slots into the blocks and gives
// them back, so the writer waits only when every slot is in use. A reader of a
// row that is still in a slot waits until it has arrived.
//
// Fork makes a sequence that shares the blocks of another. Shared blocks count
// once in the budget and are never written: who publishes a row in one gets a
// copy of it. Truncating or dropping one sequence leaves the other's rows.
//
// A stored row does not change: Publish refuses a row that is there already,
// until Truncate, Remove or Drop removes it. All methods may be called from several
// goroutines.
package hostcache
