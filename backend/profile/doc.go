// Package profile has what the calibrated codec knows of a model: a transform for
// the keys and one for the values of every layer and KV head, what an error in
// each channel costs, one set of thresholds and tables, and the slope that turns
// costs into bits. docs/profile.md describes the codec's steps and the file.
//
// A row x of D elements becomes channels z = Matrix·(x − Mean), a channel a code
// of 8 bits, the number of thresholds that z reaches, and of a code the leading b
// bits are kept, which Codebook.Table(b) turns back into a value. Rows come back
// as Inverse·ẑ + Mean. For keys, Mean stands for what the keys of a page have in
// common before RoPE: it is turned to the middle of the page (RoPE.Turn), the matrices
// of keys to the beginning of their stretch of 1,024 tokens.
//
// Bits are given to planes: plane p of channel c is the p-th most significant bit
// of its codes, and worth Lambda[c]·(D_p − D_p+1). All planes of the keys of a layer
// stand in one falling order of worth, and so do those of its values; each level
// keeps a prefix of it (Planes), so that a row at a level is a part of the same row
// at every higher one.
//
// Everything that decides bits is computed from what the file says in exact or
// once-rounded arithmetic, so that it is the same on every machine.
package profile
