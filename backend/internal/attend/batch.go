package attend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/internal/window"
	"github.com/qaqvk/qaqvk/shaders"
	"slices"
)

// batch are queries and KV heads whose scores are there at a time.
type batch struct {
	query, queries int
	head, heads    int
	tokens         int // up to the last query's, itself included
	base           int // first token that scores hold
	stride         int // tokens that scores have room for
	parts          []part
	taken          []taken
	last           bool // of its submission
	timed          bool // if last: the submission tells the pace
}

// taken are queries of a batch that importance takes in.
type taken struct {
	core.Take
	frame device.View
}

// part are tokens in one buffer.
type part struct {
	pairs      []*pages.Pair // nil: the recent window
	held       int           // pairs before this one are freed: no query sees their tokens
	buffer     device.Buffer
	first, end int  // tokens
	grows      bool // the list serves later calls in which it has more tokens, or the ring others
	room       int  // tokens, from the first that scores hold on, that the list has workgroups for
	frame      device.View
}

func (a *Attention) newCall(c Call, recorded bool) *call {
	r := &call{Attention: a, Call: c, waiting: c.Window.Waiting(), byKernel: a.TimeKernels}
	r.space, r.borrowed = a.spaces.take(r.layoutOf(r.Queries, a.work.KVHeads, r.latest(), r.widest()).words, recorded)
	queries, heads := r.batchSize()
	for query := 0; query < r.Queries; query += queries {
		for head := 0; head < a.work.KVHeads; head += heads {
			r.addBatch(query, min(queries, r.Queries-query), head, min(heads, a.work.KVHeads-head))
		}
	}
	r.split()
	return r
}

// end gives back what the call borrowed.
func (r *call) end() {
	if r.borrowed {
		r.spaces.giveBack()
	}
}

// widest are the most tokens that scores of a batch have room for, and latest is where in
// a stretch they may begin so that they lie in most stretches: with a split.
func (r *call) widest() int {
	stride := core.RoundUp(r.Tokens, grain)
	if w := r.Options.Window; w > 0 {
		stride = min(stride, core.RoundUp(w+r.Queries, grain)+shaders.SplitTokens)
	}
	return stride
}

func (r *call) latest() int {
	if r.Options.Window == 0 {
		return 0
	}
	return shaders.StretchTokens - shaders.SplitTokens
}

// layoutOf lays out a batch.
func (r *call) layoutOf(queries, heads, base, stride int) layout {
	return newLayout(r.work.Geometry, r.work.Limits, queries*r.work.QueriesPerHead(), heads, base, stride)
}

// batchSize is how many queries and KV heads are done at once: of what fits the
// workspace, the queries with the cheapest tiles, then as many heads as possible; of
// these, what a submission may have.
func (r *call) batchSize() (queries, heads int) {
	room, stride, target := r.space.Words, r.widest(), r.work.Limits.Target()
	queries, heads = 1, 1
	least := 1 << 30
	for n := 1; n <= r.Queries; n++ {
		a := r.layoutOf(n, 1, r.latest(), stride)
		if n > 1 && a.words > room {
			break
		}
		if cost := (r.Queries + n - 1) / n * target.TileCost(a.tile, n*r.work.QueriesPerHead()); cost <= least {
			queries, least = n, cost
		}
	}
	for heads < r.work.KVHeads && r.layoutOf(queries, heads+1, r.latest(), stride).words <= room {
		heads++
	}
	return r.fit(queries, heads, stride)
}

func (r *call) addBatch(query, queries, head, heads int) {
	b := batch{query: query, queries: queries, head: head, heads: heads, tokens: r.Tokens - r.Queries + query + queries}
	if w := r.Options.Window; w > 0 {
		b.base = max(0, b.tokens-queries-w+1) / shaders.SplitTokens * shaders.SplitTokens
	}
	b.stride = core.RoundUp(b.tokens-b.base, grain)
	if n := len(r.batches); head > 0 {
		b.parts = r.batches[n-1].parts // the same tokens
	} else {
		b.parts = r.partsOf(b)
	}
	if r.Importance != nil {
		for _, t := range r.Importance.Takes(query, query+queries) {
			b.taken = append(b.taken, taken{t, r.newFrame(importanceFrame)})
		}
	}
	r.batches = append(r.batches, b)
}

// partsOf are the stored tokens, as far as they lie in one segment, and the ring,
// as far as a batch sees them.
func (r *call) partsOf(b batch) []part {
	var parts []part
	lg, n, end := r.work.LayerGroup(r.Layer), r.work.PageTokens, r.Stored/r.work.PageTokens
	for page := b.base / n; page < end && page*n < b.tokens; {
		held := max(page, r.Table.Freed(lg)) // the last page is always held
		to := min(r.Table.RunEnd(lg, held), end)
		p := part{pairs: r.Table.Pairs(lg)[page:to], first: page * n, end: to * n, grows: to == end}
		p.held = held - page
		p.buffer = p.pairs[p.held].Segment.Buffer
		p.frame = r.newFrame(shaders.FrameWords + shaders.FramePagesWords*len(p.pairs))
		parts = append(parts, p)
		page = to
	}
	if r.Stored < b.tokens {
		parts = append(parts, part{buffer: r.Window.Ring.Buffer, first: r.Stored, end: r.Tokens, grows: true, frame: r.newFrame(shaders.FrameWords)})
	}
	for i := range parts {
		parts[i].room = roomOf(parts[i], b)
	}
	return parts
}

// grain is the tokens by which scores and the room of a part grow: the workgroups behind its
// end take as long as others.
const grain = 64

func roomOf(p part, b batch) int {
	from := max(p.first, b.base)
	n := min(p.end, b.tokens) - from
	if p.grows {
		n = core.RoundUp(n, grain)
	}
	return n
}

// serves tells whether the lists do what r asks for, but for what frames and
// the heads of staged rows say.
func (l *Lists) serves(r *call) bool {
	o := l.from
	return o != nil && o.Queries == r.Queries && o.Options == r.Options && o.space == r.space && o.Q == r.Q && o.Out == r.Out && l.frames == r.frames && o.byKernel == r.byKernel &&
		slices.EqualFunc(o.waiting, r.waiting, window.Appended.SameList) && slices.EqualFunc(o.batches, r.batches, batch.sameList)
}

func (b batch) sameList(o batch) bool {
	return b.query == o.query && b.queries == o.queries && b.head == o.head && b.heads == o.heads &&
		b.base == o.base && b.stride == o.stride && b.last == o.last && b.timed == o.timed &&
		slices.Equal(b.taken, o.taken) && slices.EqualFunc(b.parts, o.parts, part.sameList)
}

func (p part) sameList(o part) bool {
	same := p.buffer == o.buffer && p.frame == o.frame && p.grows == o.grows
	return same && p.room == o.room && (p.grows || p.first == o.first && p.end == o.end)
}
