package shaders

// Kind tells the two vectors of a token apart.
type Kind uint8

// Kinds of rows.
const (
	Key Kind = iota
	Value
)

// String is k or v.
func (k Kind) String() string { return [...]string{"k", "v"}[k] }
