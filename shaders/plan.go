package shaders

import (
	"math"
	"slices"
)

// job is a struct of words of lib/jobs.glsl.
type job interface{ AppendTo(words []uint32) []uint32 }

// AppendJobs appends the words of jobs, one after another.
func AppendJobs[J job](words []uint32, jobs ...J) []uint32 {
	for _, j := range jobs {
		words = j.AppendTo(words)
	}
	return words
}

// RulePlan is the plan of encode and choose_bits for pages at the given places: their
// jobs, then, page after page, the limits c of a token's groups.
func RulePlan(at []uint32, limits [][]float32) []uint32 {
	words := make([]uint32, RuleJobWords*len(at))
	for i, place := range at {
		RuleJob{place, uint32(len(words))}.AppendTo(words[:RuleJobWords*i])
		for _, c := range limits[i] {
			words = append(words, math.Float32bits(c))
		}
	}
	return words
}

// PackPlan is the plan of pack: jobs of which the caller sets Slot and Page, then
// the bits words of each page, whose groups have 0..8 bits, Raw or Unquantizable.
func (l Layout) PackPlan(jobs []PackJob, bits [][]uint8) []uint32 {
	return bitsPlan(jobs, bits, PackJobWords, func(j *PackJob, i int, at uint32) {
		j.Bits, j.Words, j.Failed = at, uint32(l.PageWords(bits[i])), uint32(Failed(bits[i]))
	})
}

// RepackPlan is the plan of repack: jobs of which the caller sets From and To,
// then the new bits words of each page.
func (l Layout) RepackPlan(jobs []RepackJob, bits [][]uint8) []uint32 {
	return bitsPlan(jobs, bits, RepackJobWords, func(j *RepackJob, i int, at uint32) {
		j.Bits, j.Words = at, uint32(l.PageWords(bits[i]))
	})
}

// PromotePlan is the same for promote, with Supply set too.
func (l Layout) PromotePlan(jobs []PromoteJob, bits [][]uint8) []uint32 {
	return bitsPlan(jobs, bits, PromoteJobWords, func(j *PromoteJob, i int, at uint32) {
		j.Bits, j.Words = at, uint32(l.PageWords(bits[i]))
	})
}

// bitsPlan is jobs and the bits words of their pages. fill sets what follows from
// the bits of page i, whose words begin at a word of the plan.
func bitsPlan[J job](jobs []J, bits [][]uint8, jobWords int, fill func(j *J, i int, at uint32)) []uint32 {
	words := make([]uint32, 0, len(jobs)*jobWords)
	at := len(jobs) * jobWords
	for i, j := range jobs {
		fill(&j, i, uint32(at))
		words = j.AppendTo(words)
		at += BitsWords(len(bits[i]))
	}
	words = slices.Grow(words, at-len(words))
	for _, b := range bits {
		words = append(words, PackBits(b)...)
	}
	return words
}

// BitsOf reads the bits words of groups as encode reports them: 0..8, Evicted,
// Raw or Unquantizable; Unmet is left out.
func BitsOf(words []uint32) []uint8 {
	bits := make([]uint8, len(words))
	for i, w := range words {
		bits[i] = uint8(w)
	}
	return bits
}

// CountUnmet counts the groups whose bound even the most bits do not keep.
func CountUnmet(words []uint32) (n int) {
	for _, w := range words {
		if w&Unmet != 0 {
			n++
		}
	}
	return n
}

// Failed counts the groups that could not be quantized.
func Failed(bits []uint8) (n int) {
	for _, b := range bits {
		if b == Unquantizable {
			n++
		}
	}
	return n
}
