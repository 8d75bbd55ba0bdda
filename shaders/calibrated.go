package shaders

import (
	"fmt"
	"math"
	"slices"

	"github.com/x448/float16"
)

// RecordMagic is word 0 of a page of records: "QA", the codec (1: calibrated)
// and the version of the layout.
const RecordMagic = 0x51410101

const (
	Levels            = 10 // levels of a record, 0..9
	Planes            = 8  // bits of a full code
	RecordHeaderWords = 8  // words of a page of records before its levels
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

// Reconstruction is what turns codes into values, in units of 1/32.
type Reconstruction struct {
	Magnitudes   [7]uint8   // of positive codes: of 1 bit, of 2 bits, of 3 bits; 1..127
	Coefficients [4]float32 // of t, t^3, t^5, t^7 for 4 bits and more
}

// Tables are all that kernels read of one kind of one layer.
type Tables struct {
	Records
	Reconstruction
	Profile    uint64 // the first 8 bytes of the profile's SHA-256
	Layer      int
	Kind       Kind
	Thresholds [255]float32 // ascending
	Mean       []float32    // [H][D]; of K turned back to position 0
	Forward    []float32    // A, [H][channel][element]; f16 holds each
	Inverse    []float32    // the inverse of A, [H][element][channel]; f16 holds each
}

// bounds of what tables hold, beside 0.
const (
	leastTable = 1.0 / (1 << 40)
	mostTable  = 1 << 40
)

// Check says which part of the tables is outside the contract.
func (t *Tables) Check() error {
	if err := t.Records.Check(); err != nil {
		return err
	}
	for i, m := range t.Magnitudes {
		if m < 1 || m > 127 {
			return fmt.Errorf("tables: magnitude %d: %d: must be 1 to 127", i, m)
		}
	}
	if err := t.checkCurve(); err != nil {
		return err
	}
	if !slices.IsSorted(t.Thresholds[:]) {
		return fmt.Errorf("tables: thresholds: must ascend")
	}
	row := t.Heads * t.HeadDim
	for _, part := range []struct {
		name   string
		values []float32
		n      int
	}{
		{"coefficients", t.Coefficients[:], 4}, {"thresholds", t.Thresholds[:], 255}, {"mean", t.Mean, row},
	} {
		if err := checkTable(part.name, part.values, part.n); err != nil {
			return err
		}
	}
	if err := checkMatrix("forward", t.Forward, row*t.HeadDim); err != nil {
		return err
	}
	return checkMatrix("inverse", t.Inverse, row*t.HeadDim)
}

// checkCurve checks the values of codes of 4 bits and more: of their middles t, k/256
// for all k that are a cell's.
func (r Reconstruction) checkCurve() error {
	c := r.Coefficients
	for b := 4; b <= Planes; b++ {
		for q := 1 << (b - 1); q < 1<<b; q++ {
			t := float64(2*q+1)/float64(int(1)<<b) - 1
			x := math.Abs(t * (float64(c[0]) + t*t*(float64(c[1])+t*t*(float64(c[2])+t*t*float64(c[3])))))
			if x != 0 && !(x >= 1.0/(1<<20) && x <= 1<<20) {
				return fmt.Errorf("tables: coefficients: %d bits, code %d: value %g: must be 0 or of 2^-20 to 2^20", b, q, x)
			}
		}
	}
	return nil
}

func checkTable(name string, values []float32, n int) error {
	if len(values) != n {
		return fmt.Errorf("tables: %s: %d values: must be %d", name, len(values), n)
	}
	for i, x := range values {
		size := math.Abs(float64(x))
		if x != 0 && !(size >= leastTable && size <= mostTable) {
			return fmt.Errorf("tables: %s[%d]: %g: must be 0 or of 2^-40 to 2^40", name, i, x)
		}
	}
	return nil
}

// checkMatrix checks that f16 holds the elements of matrices.
func checkMatrix(name string, values []float32, n int) error {
	if len(values) != n {
		return fmt.Errorf("tables: %s: %d values: must be %d", name, len(values), n)
	}
	for i, x := range values {
		if half := float16.Fromfloat32(x); !half.IsFinite() || half.Float32() != x {
			return fmt.Errorf("tables: %s[%d]: %g: must be a finite f16", name, i, x)
		}
	}
	return nil
}

// TableWords returns the words of the record table, with which the words of
// tables begin.
func (r Records) TableWords() int { return tableRows + Levels*r.Heads*tableRowWords }

// AppendTable appends the record table.
func (t *Tables) AppendTable(out []uint32) []uint32 {
	at := len(out)
	out = append(out, make([]uint32, tableRows)...)
	head := out[at:]
	for l := range uint8(Levels) {
		head[l] = uint32(t.RecordWords(l))
	}
	head[RawNibble] = uint32(t.RecordWords(Raw))
	m := t.Magnitudes
	head[16] = uint32(m[0]) | uint32(m[1])<<8 | uint32(m[2])<<16
	head[17] = uint32(m[3]) | uint32(m[4])<<8 | uint32(m[5])<<16 | uint32(m[6])<<24
	for i, c := range t.Coefficients {
		head[18+i] = math.Float32bits(c)
	}
	head[22], head[23] = uint32(t.Profile), uint32(t.Profile>>32)
	head[24] = uint32(2*t.Layer) + uint32(t.Kind)
	for _, heads := range t.Populations {
		bit := 0
		for _, p := range heads {
			out = append(out, uint32(bit), 0)
			for i := 0; i < Planes; i += 2 {
				out = append(out, uint32(p[i])|uint32(p[i+1])<<16)
			}
			out = append(out, 0, 0)
			bit += p.Bits()
		}
	}
	return out
}

// Words returns the tables as kernels read them: the record table, 256 words of
// thresholds, the last one 0, mean, and as f16 forward and inverse.
func (t *Tables) Words() []uint32 {
	out := t.AppendTable(make([]uint32, 0, t.AllWords()))
	for _, part := range [][]float32{t.Thresholds[:], {0}, t.Mean} {
		for _, x := range part {
			out = append(out, math.Float32bits(x))
		}
	}
	for _, matrix := range [][]float32{t.Forward, t.Inverse} {
		for i := 0; i < len(matrix); i += 2 {
			low, high := float16.Fromfloat32(matrix[i]), float16.Fromfloat32(matrix[i+1])
			out = append(out, uint32(low.Bits())|uint32(high.Bits())<<16)
		}
	}
	return append(out, make([]uint32, t.AllWords()-len(out))...)
}

// tablesAlign is the multiple of words that tables take: those of V follow those of
// K, and a view of them begins where every device lets one begin.
const tablesAlign = 64

// ThresholdsAt, MeanAt, ForwardAt and InverseAt are the words of tables where
// those begin, AllWords are all of them.
func (r Records) ThresholdsAt() int { return r.TableWords() }
func (r Records) MeanAt() int       { return r.ThresholdsAt() + 256 }
func (r Records) ForwardAt() int    { return r.MeanAt() + r.Heads*r.HeadDim }
func (r Records) InverseAt() int    { return r.ForwardAt() + r.Heads*r.HeadDim*r.HeadDim/2 }
func (r Records) AllWords() int {
	return words(r.InverseAt()+r.Heads*r.HeadDim*r.HeadDim/2, tablesAlign) * tablesAlign
}
