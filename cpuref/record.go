package cpuref

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// recordTable is what a record table says.
type recordTable struct {
	shaders.Records
	values values
	of     uint32 // word 3 of its pages
}

// openRecordTable reads and checks a record table.
func openRecordTable(l shaders.Layout, b buffer, words []uint32) recordTable {
	r := recordTable{Records: shaders.Records{Type: l.Type, HeadDim: l.HeadDim, Heads: l.Rows}}
	at := words[len(words)-shaders.Levels*l.Rows*8:]
	for level := range r.Populations {
		r.Populations[level] = make([]shaders.Population, l.Rows)
		for h := range l.Rows {
			row := at[(level*l.Rows+h)*8:]
			for p := range shaders.Planes {
				r.Populations[level][h][p] = int(row[2+p/2] >> (p % 2 * 16) & 0xffff)
			}
		}
	}
	if err := r.Check(); err != nil {
		b.fail("%v", err)
	}
	r.checkSizes(b, words, at)
	r.values = newValues(words[16:22])
	r.of = words[22]
	return r
}

// checkSizes fails unless the sizes of records and the places of rows follow from
// the populations.
func (r *recordTable) checkSizes(b buffer, words, rows []uint32) {
	for level := range uint8(shaders.Levels) {
		if want := r.RecordWords(level); int(words[level]) != want {
			b.fail("record table: level %d: records of %d words: must be %d", level, words[level], want)
		}
		bit := 0
		for h := range r.Heads {
			if got := rows[(int(level)*r.Heads+h)*8]; int(got) != bit {
				b.fail("record table: level %d head %d: row at bit %d: must be %d", level, h, got, bit)
			}
			bit += r.RowBits(level, h)
		}
	}
}

// RecordPage is a view of a page of N records. It holds no copy of the words.
type RecordPage struct {
	Records shaders.Records
	Words   []uint32 // exactly the page
	Levels  []uint8  // of each token: 0..9 or shaders.Raw

	at []int // word where the record of each token begins, and their end
}

// OpenRecordPage returns the view of the page of records at the beginning of words,
// which may go on behind it. It checks what memory safety needs; ReadRecordPage
// checks the rest. Errors wrap ErrPage.
func OpenRecordPage(r shaders.Records, words []uint32) (*RecordPage, error) {
	if len(words) < shaders.RecordHeaderWords {
		return nil, fmt.Errorf("%w: %d words: a header has %d", ErrPage, len(words), shaders.RecordHeaderWords)
	}
	if words[0] != shaders.RecordMagic {
		return nil, fmt.Errorf("%w: magic %#08x: must be %#08x", ErrPage, words[0], uint32(shaders.RecordMagic))
	}
	size, n := uint64(words[1]), int(words[2]&0xffff)
	if size > uint64(len(words)) {
		return nil, fmt.Errorf("%w: size %d words: there are %d", ErrPage, size, len(words))
	}
	if fixed := shaders.RecordsAt(n); uint64(fixed) > size {
		return nil, fmt.Errorf("%w: size %d words: %d tokens need %d", ErrPage, size, n, fixed)
	}
	p := &RecordPage{Records: r, Words: words[:size:size], Levels: make([]uint8, n)}
	if t := shaders.UnpackLevels(words[shaders.RecordHeaderWords:], p.Levels); t >= 0 {
		return nil, fmt.Errorf("%w: level of token %d: must be 0..9 or 15", ErrPage, t)
	}
	p.at = recordPlaces(r, p.Levels)
	if end := p.at[n]; uint64(end) != size {
		return nil, fmt.Errorf("%w: size %d words: its tokens need %d", ErrPage, size, end)
	}
	return p, nil
}

// recordPlaces returns the word of a page where each record begins, and behind
// them the size of the page.
func recordPlaces(r shaders.Records, levels []uint8) []int {
	at := make([]int, len(levels)+1)
	at[0] = shaders.RecordsAt(len(levels))
	for t, l := range levels {
		at[t+1] = at[t] + r.RecordWords(l)
	}
	return at
}

// Failed returns how many tokens could not be quantized.
func (p *RecordPage) Failed() uint32 { return p.Words[2] >> 16 }

// Len returns N, the tokens of the page.
func (p *RecordPage) Len() int { return len(p.Levels) }

// Record returns the record of token t.
func (p *RecordPage) Record(t int) []uint32 { return p.Words[p.at[t]:p.at[t+1]:p.at[t+1]] }

// ReadRecordPage returns the view of a page that came from anywhere, after checking
// everything that the contract says of it: what OpenRecordPage checks, padding, and
// that it is of a profile, a layer and a kind. Errors wrap ErrPage.
func ReadRecordPage(t *shaders.Tables, words []uint32) (*RecordPage, error) {
	p, err := OpenRecordPage(t.Records, words)
	if err != nil {
		return nil, fmt.Errorf("cpuref: page: %w", err)
	}
	if err := p.validate(t); err != nil {
		return nil, fmt.Errorf("cpuref: page: %w: %w", ErrPage, err)
	}
	return p, nil
}

func (p *RecordPage) validate(t *shaders.Tables) error {
	switch of := p.Words[3]; {
	case of>>16 != uint32(t.Profile):
		return fmt.Errorf("profile %04x: must be %04x", of>>16, t.Profile)
	case of != t.Of():
		return fmt.Errorf("layer %d kind %d: must be layer %d kind %d", of&0xffff/2, of%2, t.Layer, t.Kind)
	}
	n, raw := p.Len(), 0
	levels := shaders.RecordHeaderWords + shaders.BitsWords(n)
	if err := padding("levels", p.Words[shaders.RecordHeaderWords:levels], 4*n); err != nil {
		return err
	}
	for _, w := range p.Words[levels:p.at[0]] {
		if w != 0 {
			return fmt.Errorf("padding before the records: must be zero")
		}
	}
	for i, l := range p.Levels {
		if l == shaders.Raw {
			raw++
		} else if err := padding("record", p.Record(i), p.bits(l)); err != nil {
			return fmt.Errorf("token %d: %w", i, err)
		}
	}
	if int(p.Failed()) > raw {
		return fmt.Errorf("%d tokens that could not be quantized: %d are raw", p.Failed(), raw)
	}
	return nil
}

// bits returns the bits of a record at a level 0..9.
func (p *RecordPage) bits(level uint8) (n int) {
	for h := range p.Records.Heads {
		n += p.Records.RowBits(level, h)
	}
	return n
}

// openRecordsAt returns the view of a page of n records in a kernel's buffer.
func openRecordsAt(r shaders.Records, pages buffer, at uint32, n int) *RecordPage {
	pages.checkPlace(at)
	pages.span(uint64(at), uint64(shaders.RecordsAt(n)))
	p, err := OpenRecordPage(r, pages.words[at:])
	if err != nil {
		pages.fail("page at %s[%d]: %w", pages.name, at, err)
	}
	if p.Len() != n {
		pages.fail("page at %s[%d]: %d tokens: must be %d", pages.name, at, p.Len(), n)
	}
	return p
}
