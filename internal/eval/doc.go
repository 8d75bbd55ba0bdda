// Package eval measures what a compressed KV cache costs in quality: perplexity
// and KL divergence over a text, accuracy on multiple-choice tasks, retrieval of
// a hidden fact, each beside the uncompressed cache over the same tokens.
//
// A Method makes Stores, a Store makes Texts, and a Text is the model.KV of one
// text: to add a method, write a file with its Method and add it to the families
// (parse.go). The cache is compressed while the text is read, in steps of
// StepTokens, as a runtime does: what has left the recent window when a step
// begins is read as it is stored. Rows come back from pages once for the queries
// of a step and are attended to on the host with BLAS; the probabilities go back
// as importance. Bench.Attend attends on the device instead.
//
// Two runs give the same numbers: nothing depends on the clock, on the number of
// processors or on earlier runs.
package eval
