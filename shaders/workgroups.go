package shaders

// EncodeRecordsWorkgroups and DecodeRecordsWorkgroups are the workgroups of
// encode_calibrated and decode_calibrated for so many pages of tokens: of each page,
// KV head and run of tokens that fits a workgroup, one for 16 channels, or 16
// elements.
func EncodeRecordsWorkgroups(p Pipeline, pages, tokens int) uint32 {
	return uint32(pages) * recordWorkgroups(p.Spec, tokens, 2*Blocks(int(p.Spec.HeadDim)))
}

// DecodeRecordsWorkgroups is EncodeRecordsWorkgroups for decode_calibrated.
func DecodeRecordsWorkgroups(p Pipeline, pages, tokens int) uint32 {
	return uint32(pages) * recordWorkgroups(p.Spec, tokens, words(int(p.Spec.HeadDim), 16))
}

func recordWorkgroups(s Spec, tokens, chunks int) uint32 {
	return uint32(words(tokens, int(s.Workgroup)) * int(s.Rows) * chunks)
}

// CalibratedJobs reverses them: the pages of a dispatch of encode_calibrated or
// decode_calibrated, whose workgroups have the given chunks of a row.
func CalibratedJobs(s Spec, workgroups, tokens uint32, chunks int) uint32 {
	if tokens == 0 || s.Workgroup == 0 || s.Rows == 0 || chunks == 0 {
		return 0
	}
	return workgroups / recordWorkgroups(s, int(tokens), chunks)
}

// ArrangeWorkgroups are those of arrange_calibrated for so many tiles of all KV heads
// of a dispatch.
func ArrangeWorkgroups(p Pipeline, tiles int) uint32 {
	return uint32(tiles * words(int(p.Spec.Queries), int(p.Spec.Workgroup)) * int(p.Spec.HeadDim) / 8)
}

// CombineWorkgroups are those of combine_calibrated for so many KV heads of so many
// query vectors.
func CombineWorkgroups(heads, vectors int) uint32 { return uint32(heads * words(vectors, 4)) }
