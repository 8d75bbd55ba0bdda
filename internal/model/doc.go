// Package model runs LLaMA-family language models from GGUF files on the CPU.
//
// Load opens a file and expands its weights to f32; Forward computes the logits
// of a batch of tokens. Keys and values never stay here: each layer hands its
// rows to a KV given by the caller, which also attends to them, so that text is
// generated from whatever store lies behind it. Memory is the plain one.
//
// Shapes are written row-major, outermost first: [n] tokens of the batch, [T]
// tokens in the cache, D the head dimension. A Model serves one Forward at a
// time.
//
// Subpackages: gguf (files), quant (weight types), blas (products), tokenizer,
// sample, modeltest (tiny models for tests).
package model
