package shaders

import "fmt"

// RecordMagic is word 0 of a page of records: "QA", the codec (1: calibrated)
// and the version of the layout.
const RecordMagic = 0x51410102

const (
	Levels            = 10 // levels of a record, 0..9
	Planes            = 8  // bits of a full code
	RecordHeaderWords = 4  // words of a page of records before its levels
	tableRows         = 32 // words of a record table before its rows
	tableRowWords     = 8  // words of a row of a record table
)

// Population is the number of channels that each plane of a row covers.
type Population [Planes]int

// Bits returns the bits of a row.
func (p Population) Bits() (n int) {
	for _, channels := range p {
		n += channels
	}
	return n
}

// Records fixes the sizes of the pages of one kind of one layer; doc_calibrated.go
// has the meaning. All methods are pure and count 32-bit words where they say
// Words. A level is 0..9, Raw or Unquantizable.
type Records struct {
	Type        uint32               // of raw rows
	HeadDim     int                  // D, channels of a row
	Heads       int                  // H, rows of a record
	Populations [Levels][]Population // by level, then by head
}

// Layout is the layout of the raw rows: a group is a token.
func (r Records) Layout() Layout {
	return Layout{Type: r.Type, HeadDim: r.HeadDim, Rows: r.Heads}
}

// Check says which part of the records is outside the contract.
func (r Records) Check() error {
	if err := r.Layout().Check(); err != nil {
		return err
	}
	for level, heads := range r.Populations {
		if len(heads) != r.Heads {
			return fmt.Errorf("records: level %d: populations of %d heads: must be %d", level, len(heads), r.Heads)
		}
		for h := range heads {
			if err := r.checkRow(level, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRow checks that planes and levels are prefixes of each other.
func (r Records) checkRow(level, h int) error {
	above := r.HeadDim
	for p, n := range r.Populations[level][h] {
		if n < 0 || n > above {
			return fmt.Errorf("records: level %d head %d plane %d: %d channels: must be 0 to %d", level, h, p, n, above)
		}
		if level > 0 && n < r.Populations[level-1][h][p] {
			return fmt.Errorf("records: level %d head %d plane %d: %d channels: the level below has %d",
				level, h, p, n, r.Populations[level-1][h][p])
		}
		above = n
	}
	return nil
}

// ValidLevel tells whether l is a level: 0..9 or Raw.
func ValidLevel(l uint8) bool { return l < Levels || l == Raw }

// RowBits returns the bits of a row at a level 0..9.
func (r Records) RowBits(level uint8, head int) int { return r.Populations[level][head].Bits() }

// RecordWords returns the words of a record at a level.
func (r Records) RecordWords(level uint8) int {
	if level >= Raw {
		return r.Layout().RawGroupWords()
	}
	bits := 0
	for h := range r.Heads {
		bits += r.RowBits(level, h)
	}
	return words(bits, 32)
}

// RecordsAt returns the word of a page of n tokens where its records begin.
func RecordsAt(n int) int { return AlignWords(RecordHeaderWords + BitsWords(n)) }

// PageWords returns the size of a page whose tokens have the given levels.
func (r Records) PageWords(levels []uint8) int {
	total := RecordsAt(len(levels))
	for _, l := range levels {
		total += r.RecordWords(l)
	}
	return total
}

// CodeWords returns the words of the full codes of a token: a slot, and what
// supply has for a token that gets a level from raw or a higher one.
func (r Records) CodeWords() int { return r.Heads * Blocks(r.HeadDim) * Planes }

// SupplyWords returns the words that a token at from lacks at to: its codes, its
// raw rows, or nothing where the old record has all.
func (r Records) SupplyWords(from, to uint8) int {
	switch {
	case to >= Raw && from < Raw:
		return r.Layout().RawGroupWords()
	case to < Raw && (from >= Raw || from < to):
		return r.CodeWords()
	}
	return 0
}
