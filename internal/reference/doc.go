// Package reference reads what the QAQ authors' own quantizer returned for
// given inputs and compares it with what this project's kernels return: the
// outliers and the bits of every group exactly, the reconstruction by its mean
// squared error.
//
// A vector is a safetensors file. T is tokens, L layers, H KV heads, D the
// head dimension:
//
//	cache         f32 [L,1,H,T,D]
//	attention     f32 [L,1,H,T,T], causal, rows are queries
//	n_bits        i64 [1,T,L,H], [1,T,L] or [1,T] at level head, layer, token
//	outlier_mask  u8  [L,1,H,T,D]
//	dequantized   f32 [L,1,H,T,D]
//
// Its parameters are JSON values in the metadata of the file.
package reference
