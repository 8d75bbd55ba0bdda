package shaders

import (
	"fmt"
	"math"
	"slices"
)

// Reconstruction is what turns codes into values, in units of 1/32.
type Reconstruction struct {
	Magnitudes   [7]uint8   // of positive codes: of 1 bit, of 2 bits, of 3 bits; 1..127
	Coefficients [4]float32 // of t, t^3, t^5, t^7 for 4 bits and more
}

// Tables are all that kernels read of one kind of one layer.
type Tables struct {
	Records
	Reconstruction
	Profile    uint16 // the first 2 bytes of the profile's SHA-256
	Layer      int
	Kind       Kind
	Thresholds [255]float32 // ascending
	Mean       []float32    // [H][D]; of K turned back to position 0
	Forward    Matrix       // A, [H][channel][element]
	Inverse    Matrix       // the inverse of A, [H][element][channel]
}

// Matrix is a matrix of channels and elements, or those of all heads of a layer: whole
// numbers times the scale of their channel.
type Matrix struct {
	Bytes  []int8    // -127..127
	Scales []float32 // [H][channel]
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
	if err := t.Forward.check("forward", row, t.HeadDim); err != nil {
		return err
	}
	return t.Inverse.check("inverse", row, t.HeadDim)
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

// Bounds of scales, beside 0.
const (
	leastScale = 1.0 / (1 << 30)
	mostScale  = 1 << 20
)

// check checks matrices of so many channels.
func (m Matrix) check(name string, channels, elements int) error {
	if len(m.Bytes) != channels*elements || len(m.Scales) != channels {
		return fmt.Errorf("tables: %s: %d bytes, %d scales: must be %d and %d", name, len(m.Bytes), len(m.Scales), channels*elements, channels)
	}
	if i := slices.Index(m.Bytes, math.MinInt8); i >= 0 {
		return fmt.Errorf("tables: %s[%d]: -128: must be -127 to 127", name, i)
	}
	for i, x := range m.Scales {
		if x != 0 && !(x >= leastScale && x <= mostScale) {
			return fmt.Errorf("tables: %s, scale %d: %g: must be 0 or of 2^-30 to 2^20", name, i, x)
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
	head[22] = t.Of()
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

// Of is what pages of these tables say that they are of: word 3.
func (t *Tables) Of() uint32 { return uint32(2*t.Layer) + uint32(t.Kind) | uint32(t.Profile)<<16 }

// Words returns the tables as kernels read them: the record table, 256 words of
// thresholds, the last one 0, mean, scales of forward and of inverse, those over 32, and the
// bytes of both.
func (t *Tables) Words() []uint32 {
	out := t.AppendTable(make([]uint32, 0, t.AllWords()))
	for _, part := range [][]float32{t.Thresholds[:], {0}, t.Mean, t.Forward.Scales} {
		for _, x := range part {
			out = append(out, math.Float32bits(x))
		}
	}
	for _, x := range t.Inverse.Scales {
		out = append(out, math.Float32bits(x/32))
	}
	out = appendBytes(appendBytes(out, t.Forward.Bytes), t.Inverse.Bytes)
	return append(out, make([]uint32, t.AllWords()-len(out))...)
}

// appendBytes appends bytes, four to a word.
func appendBytes(out []uint32, bytes []int8) []uint32 {
	for four := range slices.Chunk(bytes, 4) {
		var w uint32
		for i, b := range four {
			w |= uint32(uint8(b)) << (8 * i)
		}
		out = append(out, w)
	}
	return out
}

// tablesAlign is the multiple of words that tables take: those of V follow those of
// K, and a view of them begins where every device lets one begin.
const tablesAlign = 64

// ThresholdsAt, MeanAt, ForwardScalesAt, InverseScalesAt, ForwardAt and InverseAt are
// the words of tables where those begin, AllWords are all of them.
func (r Records) ThresholdsAt() int    { return r.TableWords() }
func (r Records) MeanAt() int          { return r.ThresholdsAt() + 256 }
func (r Records) ForwardScalesAt() int { return r.MeanAt() + r.Heads*r.HeadDim }
func (r Records) InverseScalesAt() int { return r.ForwardScalesAt() + r.Heads*r.HeadDim }
func (r Records) ForwardAt() int       { return r.InverseScalesAt() + r.Heads*r.HeadDim }
func (r Records) InverseAt() int       { return r.ForwardAt() + r.Heads*r.HeadDim*r.HeadDim/4 }
func (r Records) AllWords() int {
	return words(r.InverseAt()+r.Heads*r.HeadDim*r.HeadDim/4, tablesAlign) * tablesAlign
}
