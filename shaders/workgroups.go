package shaders

// EncodeRecordsWorkgroups and DecodeRecordsWorkgroups are the workgroups of
// encode_calibrated and decode_calibrated for so many pages of tokens: of each page,
// KV head and run of tokens that fits a workgroup, one for 16 channels, or 16
// elements.
func EncodeRecordsWorkgroups(p Pipeline, pages, tokens int) uint32 {
	return uint32(pages) * recordWorkgroups(p.Spec, tokens, EncodeChunks(p.Spec))
}

// DecodeRecordsWorkgroups is EncodeRecordsWorkgroups for decode_calibrated.
func DecodeRecordsWorkgroups(p Pipeline, pages, tokens int) uint32 {
	return uint32(pages) * recordWorkgroups(p.Spec, tokens, DecodeChunks(p.Spec))
}

func recordWorkgroups(s Spec, tokens, chunks int) uint32 {
	return uint32(words(tokens, int(s.Workgroup)) * int(s.Rows) * chunks)
}

// EncodeChunks and DecodeChunks are the workgroups that share a row.
func EncodeChunks(s Spec) int { return Blocks(int(s.HeadDim)) * BlockElements / together(s) }
func DecodeChunks(s Spec) int { return words(int(s.HeadDim), together(s)) }

// together are the channels or elements of a workgroup.
func together(s Spec) int {
	if s.HeadDim > 240 {
		return 8
	}
	return 16
}

// CalibratedJobs reverses them: the pages of a dispatch of encode_calibrated or
// decode_calibrated, whose workgroups have the given chunks of a row.
func CalibratedJobs(s Spec, workgroups, tokens uint32, chunks int) uint32 {
	if tokens == 0 || s.Workgroup == 0 || s.Rows == 0 || chunks == 0 {
		return 0
	}
	return workgroups / recordWorkgroups(s, int(tokens), chunks)
}

// ArrangeWorkgroups are those of arrange_calibrated for so many KV heads, each with so
// many tiles, and so many stretches.
func ArrangeWorkgroups(p Pipeline, heads, tiles, stretches int) uint32 {
	each := 1
	if p.Spec.Staged == 0 {
		each = channelsTogether(int(p.Spec.HeadDim), int(p.Spec.Queries))
	}
	return uint32(heads * tiles * stretches * words(int(p.Spec.HeadDim), int(p.Spec.Workgroup)*each))
}

// channelsTogether are the channels of an invocation of arrange_calibrated where STAGED
// is 0.
func channelsTogether(headDim, queries int) int {
	switch {
	case headDim%128 == 0 && queries <= 4:
		return 16
	case headDim%64 == 0 && queries <= 8:
		return 8
	}
	return 4
}

// MeansWorkgroups are those of arrange_means, for so many pages.
func MeansWorkgroups(p Pipeline, heads, tiles, pages int) uint32 {
	together := 16
	if d := int(p.Spec.HeadDim); d > 64 {
		together = 2048 / d
	}
	if p.Spec.Staged != 0 {
		return uint32(heads * tiles * words(pages, together))
	}
	return uint32(p.tileGroups(heads*tiles) * words(pages, together))
}

// tileGroups are the workgroups that have an invocation for each vector of tiles.
func (p Pipeline) tileGroups(tiles int) int {
	return words(tiles*int(p.Spec.Queries), int(p.Spec.Workgroup))
}

// CombineWorkgroups are those of combine_calibrated for so many KV heads of so many
// query vectors.
func CombineWorkgroups(p Pipeline, heads, vectors int) uint32 {
	few := 4
	if p.Spec.Staged != 0 {
		few = 1
	}
	return uint32(heads * words(vectors, few))
}

// SumWorkgroups are those of weighted_sum and weighted_sum_calibrated for so many splits,
// each of a KV head, a tile and a block.
func SumWorkgroups(p Pipeline, splits int) uint32 {
	if p.Spec.Staged != 0 {
		return uint32(splits)
	}
	return p.Workgroups(splits)
}

// SoftmaxWorkgroups are those of softmax for so many tiles: a column each where they
// have an invocation for each of the contract's 128 lanes, else up to four.
func SoftmaxWorkgroups(p Pipeline, tiles int) uint32 {
	if p.Spec.Workgroup >= 128 {
		return uint32(tiles) * p.Spec.Queries
	}
	return uint32(tiles) * max(1, p.Spec.Queries/4)
}

// ScoreWorkgroups are those of score and score_calibrated for so many KV heads, each with so
// many tiles, and so many runs of tokens that fit a workgroup.
func ScoreWorkgroups(p Pipeline, heads, tiles, runs int) uint32 {
	return uint32(heads * words(tiles, max(1, int(p.Spec.Staged))) * runs)
}
