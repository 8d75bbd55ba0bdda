// Package kvbuffer is the KV buffer of a llama.cpp context whose rows lie in a cache.
//
// llama.cpp sees memory: tensors of K and V, a row a cell, several streams of cells.
// Here the rows of a stream lie in a backend.Sequence as long as what is done with them
// is what a sequence can do, and in the memory of the buffer when it is not:
//
//   - A mask says which cells a query sees. Where they are the tokens of the sequence,
//     the sequence answers. Where the last ones are missing, it is rolled back; where
//     rows of memory are seen too, they are appended first.
//   - Where the masks of a batch are not those of a text, token after token, the rows go
//     to memory, and whoever runs the graph computes attention there as for any buffer.
//   - All else that reads or writes cells finds rows in memory, because they are brought
//     there before it. They return to the sequence with the next attention that fits.
//
// A sequence of a ranged codec holds keys less their mean (mean.go), which no softmax sees.
//
// So every result is that of plain memory, but for what the codec of the cache loses.
// Memory that no row lies in was never touched, or was given back, and takes no room.
package kvbuffer
