package conformance

import "github.com/qaqvk/qaqvk/shaders"

// recordSequence is the rows of a case as a cache of the calibrated codec stores
// them: pages of records, in parts, and the ring with the tokens behind them.
type recordSequence struct {
	sequence
	tables [2]*shaders.Tables
	both   int // buffer: tables of K, then of V
	values int // buffer: tables of V
}

// recordSequenceOf makes the rows of a case whose parameters have groups.
func (c Case) recordSequenceOf() (*recordSequence, error) {
	s := &recordSequence{sequence: sequence{params: c.Params}}
	for i := range s.at {
		s.tables[i] = c.tablesOf(shaders.Kind(i))
		kind := c
		kind.Seed += uint64(i) << 32
		kind.Params.Pages = c.Params.Attention.pages(c.Params.Attention.Tokens)
		rows := kind.rowsOf()
		s.ringStride = rows.stride
		s.ring[i] = c.Params.ringOf(rows)
		kind.Params.Pages = c.Params.Pages
		if kind.Params.Pages == 0 {
			continue
		}
		paged, err := kind.recordsByReference(rows, s.tables[i])
		if err != nil {
			return nil, err
		}
		for _, at := range paged.at {
			s.at[i] = append(s.at[i], len(s.pages)+at)
		}
		s.pages = append(s.pages, paged.of...)
	}
	return s, nil
}

// add puts the store and the tables into a program.
func (s *recordSequence) add(p *program) {
	s.sequence.add(p)
	s.both = p.input("tables", append(s.tables[0].Words(), s.tables[1].Words()...))
	s.values = p.input("tables.v", s.tables[1].Words())
}

// arrangement says where the queries of a dispatch lie. One page more has products
// with means than there are.
func (s *recordSequence) arrangement() shaders.Arranged {
	a := s.params.Attention
	return shaders.Arranged{Records: s.tables[0].Records, Tiles: a.heads() * a.tiles(), Queries: a.Tile, Pages: a.meanPages(), Stretches: a.stretches()}
}

// meanFirst is the first page of the tokens that scores hold.
func (a *Attention) meanFirst() int { return max(a.First, a.Base) / a.PageTokens }

func (a *Attention) meanPages() int {
	return (a.Tokens+a.PageTokens-1)/a.PageTokens + 1 - a.meanFirst()
}

// stretchFirst is the stretch of that token, stretches are those from there on.
func (a *Attention) stretchFirst() int { return max(a.First, a.Base) / shaders.StretchTokens }

func (a *Attention) stretches() int {
	return shaders.StretchesOf(max(a.First, a.Base), a.Tokens)
}

// scratch is a buffer with arranged queries and, behind them, scores.
type scratch struct {
	all, queries, scores int
	scoresAt             int
}

// newScratch adds a scratch of which the words before the scores may be given.
func (s *recordSequence) newScratch(p *program, queries, scores []uint32) scratch {
	n := s.arrangement().Words()
	at := (n + guardWords - 1) / guardWords * guardWords
	all := p.result("scratch", at+s.params.Attention.scoresWords())
	copy(p.buffers[all].words, queries)
	copy(p.buffers[all].words[at:], scores)
	return scratch{all, p.part("queries", all, 0, n), p.part("scores", all, at, s.params.Attention.scoresWords()), at}
}

// addArranged adds all that arranges the rows of query from and on.
func (s *recordSequence) addArranged(p *program, rows, from int, to scratch) {
	params, a := s.params, s.params.Attention
	row := params.layout().RawRowWords()
	arrange := shaders.ArrangeQueriesPush{
		Vectors: uint32(a.vectors()), Heads: uint32(a.heads()), PerHead: uint32(a.PerHead),
		RowHeads: uint32(a.Heads * a.PerHead), Scale: params.scaleOf(),
		RowFirst: uint32(rowPad + (from*a.Heads+a.HeadFirst)*a.PerHead*row),
	}
	s.addArrangeCalibrated(p, arrange, rows, to.queries)
	s.addArrangeMeans(p, arrange, rows, to.queries)
}

// arrangedByReference are the arranged queries of the case.
func (c Case) arrangedByReference(s *recordSequence) ([]uint32, error) {
	p := &program{}
	s.add(p)
	to := s.newScratch(p, nil, nil)
	s.addArranged(p, p.input("query.rows", c.queryRows()), 0, to)
	words, err := p.reference()
	if err != nil {
		return nil, err
	}
	return words[to.queries], nil
}
