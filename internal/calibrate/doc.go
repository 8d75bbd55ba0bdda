// Package calibrate makes the profile of a model: it runs windows of text through
// the model, forwards and backwards, and finds for every kind, layer and KV head
// the transform in which an error costs the same in every channel of equal
// variance, what it costs, the tables of the quantizer, and the slope at which
// rows take the bits wanted.
//
// The steps are those of docs/profile.md, "How it is made". Sums run in a fixed
// order, so that the same model, text and options give the same bits on the same
// machine.
package calibrate
