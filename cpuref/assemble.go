package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// newRecordPage lays out a page of n records in pages from the levels words in plan
// and writes what comes before its records.
func newRecordPage(t recordTable, plan buffer, levelsAt uint32, n int, pages buffer, at, size, failed uint32) *RecordPage {
	pages.checkPlace(at)
	nibbles := plan.span(uint64(levelsAt), uint64(shaders.BitsWords(n)))
	levels := make([]uint8, n)
	if i := shaders.UnpackLevels(nibbles, levels); i >= 0 {
		plan.fail("level of token %d: must be 0..9 or 15", i)
	}
	places := recordPlaces(t.Records, levels)
	if places[n] != int(size) {
		plan.fail("page of %d words: its tokens need %d", size, places[n])
	}
	words := pages.span(uint64(at), uint64(size))
	clear(words[:places[0]])
	copy(words, []uint32{shaders.RecordMagic, size, uint32(n) | failed<<16, t.of})
	copy(words[shaders.RecordHeaderWords:], nibbles)
	return &RecordPage{t.Records, words, levels, places}
}

// assemble writes a record at a level, 0..9, from the bits of codes: bit(h, c, p) is
// bit 7-p of the code of channel c of row h.
func assemble(r shaders.Records, level uint8, out []uint32, bit func(h, c, p int) uint32) {
	clear(out)
	at := 0
	for h, planes := range r.Populations[level] {
		for block := 0; block < r.HeadDim; block += shaders.BlockElements {
			for p, n := range planes {
				for c := block; c < min(n, block+shaders.BlockElements); c++ {
					out[at/32] |= bit(h, c, p) << (at % 32)
					at++
				}
			}
		}
	}
}

// assembleCodes is assemble from codes as slots and supply have them.
func assembleCodes(r shaders.Records, level uint8, out, codes []uint32) {
	words := r.CodeWords() / r.Heads
	assemble(r, level, out, func(h, c, p int) uint32 {
		return uint32(arrangedCode(codes[h*words:], c)) >> (7 - p) & 1
	})
}
