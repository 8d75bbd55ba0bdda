package kvbuffer

// Observed are the rows of the tokens of a step in a layer, as they enter the cache, with
// their queries. Layers come in their order, each once a step; a step that was given
// up comes again. The slices are valid during the call.
type Observed struct {
	Shape         Shape
	Stream, Layer int
	First         int // token of the stream that the first row is of
	// Kept are the first tokens of the stream that are those of the last whole step. Those
	// from there up to First came another way: copied, restored or shifted.
	Kept           int
	Scale, SoftCap float32   // of the scores
	Q              []float32 // [n][QueryHeads][D]
	K, V           []byte    // f16, [n][KVHeads][D]
}

// observe tells of the rows of an op.
func (b *Buffer) observe(s *stream, layer int, a Attention, rows [2][]byte) {
	if b.options.Observe == nil {
		return
	}
	b.options.Observe(Observed{Shape: b.shape, Stream: s.number, Layer: layer, First: len(s.order) - a.queries(), Kept: s.unchanged,
		Scale: a.Scale, SoftCap: a.SoftCap, Q: a.Q, K: rows[key], V: rows[value]})
}
