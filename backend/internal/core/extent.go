package core

// Extent says how much a sequence holds.
type Extent struct {
	Tokens int // of finished steps
	Stored int // of these in pages; the others are in the ring
	Steps  int
}
