package core

// Take are queries of a call of attention, first and up to, whose probabilities one
// dispatch takes in for importance.
type Take struct{ First, End int }

// Batch is a batch of a call whose scores are there at a time.
type Batch struct {
	Query  int  // of the call, the first
	Head   int  // the first KV head
	Tokens int  // there are so many
	Base   int  // the first token that scores hold
	Last   bool // no dispatch of the call comes behind those of this one
}

// Scores says which scores such a dispatch reads.
type Scores struct {
	Query   int // of the call, the first that the scores have
	Vectors int // query vectors of a KV head in the scores
	Heads   int // KV heads
	Stride  int // tokens that the scores have room for
	Tile    int // query vectors of a tile
	Tokens  int // most tokens of the layer when the list runs
}
