package shaders

import "math"

// EncodeRecordsPlan is the plan of encode_calibrated: jobs of which the caller sets
// At, then the rotation of each page and of its stretch; none for V.
func EncodeRecordsPlan(jobs []RecordEncodeJob, rotations [][]float32) []uint32 {
	return rotationPlan(jobs, RecordEncodeJobWords, rotations, func(j *RecordEncodeJob, at uint32) { j.Rotation = at })
}

// DecodeRecordsPlan is the same for decode_calibrated: the caller sets Page and Rows.
func DecodeRecordsPlan(jobs []RecordDecodeJob, rotations [][]float32) []uint32 {
	return rotationPlan(jobs, RecordDecodeJobWords, rotations, func(j *RecordDecodeJob, at uint32) { j.Rotation = at })
}

func rotationPlan[J job](jobs []J, jobWords int, rotations [][]float32, fill func(j *J, at uint32)) []uint32 {
	var words, behind []uint32
	for i, j := range jobs {
		fill(&j, uint32(len(jobs)*jobWords+len(behind)))
		words = j.AppendTo(words)
		if i < len(rotations) {
			for _, x := range rotations[i] {
				behind = append(behind, math.Float32bits(x))
			}
		}
	}
	return append(words, behind...)
}

// PackRecordsPlan is the plan of pack_calibrated: jobs of which the caller sets
// Slot, Rows and Page, the levels of their tokens (0..9, Raw or Unquantizable) and
// the tables of each page, which have a place in the plan once.
func PackRecordsPlan(jobs []RecordPackJob, levels [][]uint8, tables []*Tables) []uint32 {
	return recordsPlan(jobs, RecordPackJobWords, levels, tables, func(j *RecordPackJob, i int, at, table uint32) {
		j.Levels, j.Words, j.Failed, j.Table = at, uint32(tables[i].PageWords(levels[i])), uint32(Failed(levels[i])), table
	})
}

// RewriteRecordsPlan is the same for repack_calibrated and promote_calibrated: the
// caller sets From, To and, for promote_calibrated, Supply.
func RewriteRecordsPlan(jobs []RecordRewriteJob, levels [][]uint8, tables []*Tables) []uint32 {
	return recordsPlan(jobs, RecordRewriteJobWords, levels, tables, func(j *RecordRewriteJob, i int, at, table uint32) {
		j.Levels, j.Words, j.Table = at, uint32(tables[i].PageWords(levels[i])), table
	})
}

// recordsPlan is jobs, then record tables and the levels words of pages. fill sets
// what follows from those of page i.
func recordsPlan[J job](jobs []J, jobWords int, levels [][]uint8, tables []*Tables, fill func(j *J, i int, at, table uint32)) []uint32 {
	var words, behind []uint32
	placed, first := map[*Tables]uint32{}, len(jobs)*jobWords
	for i, j := range jobs {
		table, ok := placed[tables[i]]
		if !ok {
			table = uint32(first + len(behind))
			placed[tables[i]] = table
			behind = tables[i].AppendTable(behind)
		}
		fill(&j, i, uint32(first+len(behind)), table)
		behind = append(behind, PackBits(levels[i])...)
		words = j.AppendTo(words)
	}
	return append(words, behind...)
}

// UnpackLevels reads the levels of len(out) tokens from the levels words of a page.
// It returns the first token whose level is none, or -1.
func UnpackLevels(in []uint32, out []uint8) int {
	for t := range out {
		n := uint8(in[t/8] >> (t % 8 * 4) & 15)
		switch {
		case n == RawNibble:
			out[t] = Raw
		case n < Levels:
			out[t] = n
		default:
			return t
		}
	}
	return -1
}
