// Package decayed keeps the decayed importance of tokens (doc_levels.go of shaders):
// of each layer, the sum of a token's shares of the squared probabilities of queries,
// half of which is left after some queries. Attention adds to it; kernels
// make the levels of the calibrated codec of it.
package decayed
