package model

// KV stores keys and values for Forward and attends to them. All calls come
// from the goroutine that called Forward, layer after layer: Append, Attend, and
// Step at the end.
type KV interface {
	// Tokens returns the number of tokens of complete steps, the position of
	// the next token.
	Tokens() int
	// Append takes the batch's rows k and v [n][KVHeads][HeadDim], k after
	// RoPE. They are valid during the call.
	Append(layer int, k, v []float32) error
	// Attend computes out = softmax(q·kᵀ/√HeadDim)·v for the layer's newest n
	// tokens, causal, with what a says of scale, window and soft cap; q (after
	// RoPE) and out are [n][QueryHeads][HeadDim], the query heads of a KV head
	// one behind the other.
	Attend(layer int, q, out []float32, a Attention) error
	// Step says that all layers of the batch are in.
	Step() error
}
