// Package decayed keeps the decayed importance of tokens (doc_levels.go of shaders):
// of each layer, the sum of the squares of the probabilities that queries gave a
// token, half of which is left after some queries. Attention adds to it; kernels
// make the levels of the calibrated codec of it.
package decayed
