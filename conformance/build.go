package conformance

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// builder turns a case into a program.
type builder func(Case) (*program, error)

// builders by kernel. Every kernel of package shaders has one.
var builders = map[string]builder{
	"copy":        buildCopy,
	"convert":     buildConvert,
	"encode":      buildEncode,
	"pack":        buildPack,
	"repack":      buildRepack,
	"promote":     buildPromote,
	"decode":      buildDecode,
	"choose_bits": buildChooseBits,
	"probe":       buildProbe,
	"nesting":     buildNesting,

	"arrange_queries":   withAttention(buildArrangeQueries),
	"score":             withAttention(buildScore),
	"softmax":           withAttention(buildSoftmax),
	"record_importance": withAttention(buildRecordImportance),
	"reduce_importance": withAttention(buildReduceImportance),
	"weighted_sum":      withAttention(buildWeightedSum),
	"combine":           withAttention(buildCombine),
	"attend":            withAttention(buildAttend),
	"splitting":         withAttention(buildSplitting),

	"encode_calibrated":  withTables(buildEncodeCalibrated),
	"pack_calibrated":    withTables(buildPackCalibrated),
	"repack_calibrated":  withTables(buildRepackCalibrated),
	"promote_calibrated": withTables(buildPromoteCalibrated),
	"decode_calibrated":  withTables(buildDecodeCalibrated),
	"nesting_calibrated": withTables(buildNestingCalibrated),

	"arrange_calibrated":      withTables(withAttention(buildArrangeCalibrated)),
	"arrange_means":           withTables(withAttention(buildArrangeMeans)),
	"score_calibrated":        withTables(withAttention(buildScoreCalibrated)),
	"weighted_sum_calibrated": withTables(withAttention(buildWeightedSumCalibrated)),
	"combine_calibrated":      withTables(withAttention(buildCombineCalibrated)),
	"attend_calibrated":       withTables(withAttention(buildAttendCalibrated)),
	"splitting_calibrated":    withTables(withAttention(buildSplittingCalibrated)),
	"accumulate_importance":   withDecay(buildAccumulateImportance),
	"normalize_importance":    withDecay(buildNormalizeImportance),
	"choose_levels":           withDecay(buildChooseLevels),
}

// build checks a case and builds its program.
func (c Case) build() (*program, error) {
	b := builders[c.Kernel]
	if b == nil {
		return nil, fmt.Errorf("conformance: %s: no kernel %q", c.Name, c.Kernel)
	}
	if c.Params.Rows > 0 {
		if err := c.Params.check(); err != nil {
			return nil, fmt.Errorf("conformance: %s: %w", c.Name, err)
		}
	}
	p, err := b(c)
	if err != nil {
		return nil, fmt.Errorf("conformance: %s: %w", c.Name, err)
	}
	return p, nil
}

// check fails for parameters that no kernel is made for.
func (p Params) check() error {
	l := p.layout()
	if err := l.Check(); err != nil {
		return err
	}
	if lanes := int(max(p.Lanes, 1)); l.Group() > lanes*shaders.MaxLaneElements && p.Out == "" && p.Lanes > 0 {
		return fmt.Errorf("%d lanes for %d elements: at most %d each", lanes, l.Group(), shaders.MaxLaneElements)
	}
	if n := p.Groups * l.Group(); n > shaders.MaxPage {
		return fmt.Errorf("page of %d elements: at most %d", n, shaders.MaxPage)
	}
	return nil
}

// rowPad is how many words lie between a token's rows and the next token's,
// and between pages: a multiple of four, as rows must be, and of no more.
const rowPad = 12

// source is the rows of a case as they lie in memory.
type source struct {
	words  []uint32
	first  []int // word of each page's first row
	stride int   // words from token to token
}

// tokens of a page; the last may have fewer groups than the others.
func (p Params) tokens() int { return (p.Groups + p.GroupsPerToken - 1) / p.GroupsPerToken }

// rowsOf makes the rows of all groups.
func (c Case) rowsOf() source {
	p, l := c.Params, c.Params.layout()
	s := source{stride: p.GroupsPerToken*l.RawGroupWords() + rowPad}
	page := p.tokens()*s.stride + rowPad
	s.words = make([]uint32, p.Pages*page)
	for i := range s.words {
		s.words[i] = unwritten
	}
	g := &generator{rng: c.rng(1), typ: l.Type, out: make([]uint32, l.Group())}
	for j := range p.Pages {
		s.first = append(s.first, j*page+rowPad)
		for n := range p.Groups {
			fillGroup(p.Data, g, j*p.Groups+n)
			packElements(l.Type, g.out, s.group(p, j, n))
		}
	}
	return s
}

// group is the words of group n of page j, and what follows.
func (s source) group(p Params, j, n int) []uint32 {
	at := s.first[j] + n/p.GroupsPerToken*s.stride + n%p.GroupsPerToken*p.layout().RawGroupWords()
	return s.words[at : at+p.layout().RawGroupWords()]
}

// packElements lays elements out in words.
func packElements(typ uint32, elements, words []uint32) {
	if typ == shaders.TypeF32 {
		copy(words, elements)
		return
	}
	for i := range len(elements) / 2 {
		words[i] = elements[2*i] | elements[2*i+1]<<16
	}
}
