// Package model runs LLaMA-family language models from GGUF files on the CPU.
//
// Load opens a file and weighs it against the memory there is: small models are
// expanded to f32, others use their weights as they lie in the file, by blocks of
// rows, and what does not fit is refused (Footprint). Metadata that changes the
// arithmetic is computed or refuses the file by name (metadata.go). Forward
// computes the logits of a batch of tokens. Keys and values never stay here: each layer hands its
// rows to a KV given by the caller, which also attends to them, so that text is
// generated from whatever store lies behind it. Memory is the plain one.
// Differentiator computes gradients of a window's keys and values.
//
// Shapes are written row-major, outermost first: [n] tokens of the batch, [T]
// tokens in the cache, D the head dimension. A Model serves one Forward at a
// time.
//
// Subpackages: gguf (files), quant (weight types), blas (products), tokenizer,
// sample, modeltest (tiny models for tests).
package model
