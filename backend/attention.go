package backend

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// attention is one call of Attend: what its list is recorded from. Queries and
// KV heads are done in batches, because the scores of all may need more than
// the scratch has.
type attention struct {
	s          *Sequence
	layer, n   int
	tokens     int // T
	q, out     Rows
	options    AttendOptions
	appends    []appended // rows that the list takes to the ring first
	observed   []observation
	batches    []attendBatch
	frameWords int
}

// attendBatch are queries and KV heads whose scores are there at a time.
type attendBatch struct {
	query, queries int
	head, heads    int
	tokens         int // up to the last query's, itself included
	base           int // first token that scores hold
	stride         int // tokens that scores have room for
	parts          []attendPart
	watched        []watchedQuery
}

// watchedQuery is a query of a batch that importance takes in.
type watchedQuery struct {
	observation
	frame device.View
}

// attendPart are tokens in one buffer.
type attendPart struct {
	blocks     []*block // nil: the recent window
	buffer     device.Buffer
	first, end int // tokens
	grows      bool
	frame      device.View
}

func (s *Sequence) newAttention(layer, n int, q, out Rows, o AttendOptions) *attention {
	r := &attention{s: s, layer: layer, n: n, tokens: s.tokens + s.pending[layer], q: q, out: out, options: o, appends: s.appends}
	if !o.Unobserved {
		r.observed = s.importance.plan(layer, n)
	}
	queries, heads := r.batchSize()
	for query := 0; query < n; query += queries {
		for head := 0; head < s.c.geo.heads; head += heads {
			r.addBatch(query, min(queries, n-query), head, min(heads, s.c.geo.heads-head))
		}
	}
	return r
}

// perHead are the query heads of a KV head.
func (c *Config) perHead() int { return c.QueryHeads / c.KVHeads }

func (r *attention) queryWords() int {
	return r.n * r.s.c.cfg.QueryHeads * r.s.c.cfg.HeadDim * r.q.Type.Bytes() / 4
}

func (r *attention) outWords() int {
	return r.n * r.s.c.cfg.QueryHeads * r.s.c.cfg.HeadDim * r.out.Type.Bytes() / 4
}

// layoutOf lays out a batch.
func (r *attention) layoutOf(queries, heads, stride int) attendLayout {
	return newAttendLayout(&r.s.c.geo, r.s.c.dev.Limits(), queries*r.s.c.cfg.perHead(), heads, stride)
}

// batchSize is how many queries and KV heads are done at once: of what fits the
// scratch, the queries with the cheapest tiles, then as many heads as possible.
func (r *attention) batchSize() (queries, heads int) {
	room, stride, target := r.s.c.scratch.Len(), roundUp(r.tokens, shaders.SplitTokens), r.s.c.dev.Limits().Target()
	if w := r.options.Window; w > 0 {
		stride = min(stride, roundUp(w+r.n, shaders.SplitTokens)+shaders.SplitTokens)
	}
	queries, heads = 1, 1
	least := 1 << 30
	for n := 1; n <= r.n; n++ {
		a := r.layoutOf(n, 1, stride)
		if n > 1 && a.words > room {
			break
		}
		if cost := (r.n + n - 1) / n * target.TileCost(a.tile, n*r.s.c.cfg.perHead()); cost <= least {
			queries, least = n, cost
		}
	}
	for heads < r.s.c.geo.heads && r.layoutOf(queries, heads+1, stride).words <= room {
		heads++
	}
	return queries, heads
}

func (r *attention) addBatch(query, queries, head, heads int) {
	b := attendBatch{query: query, queries: queries, head: head, heads: heads,
		tokens: r.tokens - r.n + query + queries}
	if w := r.options.Window; w > 0 {
		b.base = max(0, b.tokens-queries-w+1) / shaders.SplitTokens * shaders.SplitTokens
	}
	b.stride = roundUp(b.tokens-b.base, shaders.SplitTokens)
	b.parts = r.partsOf(b)
	for _, o := range r.observed {
		if o.query >= query && o.query < query+queries {
			b.watched = append(b.watched, watchedQuery{o, r.newFrame(shaders.ImportanceFrameWords)})
		}
	}
	r.batches = append(r.batches, b)
}

// partsOf are the stored tokens, as far as they lie in one segment, and the ring,
// as far as a batch sees them.
func (r *attention) partsOf(b attendBatch) []attendPart {
	s, g := r.s, &r.s.c.geo
	var parts []attendPart
	unit, chunks := g.unitOf(r.layer), s.stored/g.pageTokens
	for chunk := b.base / g.pageTokens; chunk < chunks && chunk*g.pageTokens < b.tokens; {
		end := min(s.store.runEnd(unit, chunk), chunks)
		p := attendPart{blocks: s.store.units[unit][chunk:end], first: chunk * g.pageTokens, end: end * g.pageTokens, grows: end == chunks}
		p.buffer = p.blocks[0].seg.buffer
		parts = append(parts, r.withFrame(p, shaders.FrameWords+shaders.FramePagesWords*len(p.blocks)))
		chunk = end
	}
	ring := attendPart{buffer: s.ring, first: s.stored, end: r.tokens, grows: true}
	if ring.first < b.tokens {
		parts = append(parts, r.withFrame(ring, shaders.FrameWords))
	}
	return parts
}

// withFrame gives a part room for its frame.
func (r *attention) withFrame(p attendPart, words int) attendPart {
	p.frame = r.newFrame(words)
	return p
}

// newFrame is room for a frame; its buffer is known when the list is recorded.
func (r *attention) newFrame(words int) device.View {
	v := device.View{Offset: r.frameWords, Words: r.s.c.frameRoom(words)}
	r.frameWords += v.Words
	return v
}

// writeFrames tells the kernels which tokens there are.
func (r *attention) writeFrames() {
	words := r.s.c.frames.Words()
	for i := range r.batches {
		b := &r.batches[i]
		for _, o := range b.watched {
			frame := r.s.importance.frame(b.tokens, b.base, o.row, b.head)
			frame.AppendTo(words[o.frame.Offset:o.frame.Offset])
		}
		for _, p := range b.parts {
			frame := shaders.Frame{Tokens: uint32(b.tokens), Base: uint32(b.base), First: uint32(p.first),
				End: uint32(min(p.end, b.tokens))}.AppendTo(words[p.frame.Offset:p.frame.Offset])
			for _, b := range p.blocks {
				frame = shaders.FramePages{K: uint32(b.pages[shaders.Key].at), V: uint32(b.pages[shaders.Value].at)}.AppendTo(frame)
			}
		}
	}
}

// attendList is the recorded list of a layer.
type attendList struct {
	list *device.List
	from *attention
}

// serves tells whether the list does what r asks for, but for what frames and
// the heads of staged rows say.
func (a *attendList) serves(r *attention) bool {
	o := a.from
	return o != nil && o.n == r.n && o.options == r.options && o.q.Type == r.q.Type && o.out.Type == r.out.Type &&
		o.q.View == r.q.View && o.out.View == r.out.View && o.s.c.frames == r.s.c.frames &&
		slices.EqualFunc(o.appends, r.appends, appended.sameList) && slices.EqualFunc(o.batches, r.batches, attendBatch.sameList)
}

// sameList tells whether one list serves two appends.
func (a appended) sameList(b appended) bool {
	if a.staged() && b.staged() {
		a.token = b.token
	}
	return a == b
}

func (b attendBatch) sameList(o attendBatch) bool {
	return b.query == o.query && b.queries == o.queries && b.head == o.head && b.heads == o.heads &&
		b.base == o.base && b.stride == o.stride &&
		slices.EqualFunc(b.watched, o.watched, watchedQuery.sameList) && slices.EqualFunc(b.parts, o.parts, attendPart.sameList)
}

func (q watchedQuery) sameList(o watchedQuery) bool { return q.query == o.query && q.frame == o.frame }

func (p attendPart) sameList(o attendPart) bool {
	same := p.buffer == o.buffer && p.frame == o.frame && p.grows == o.grows
	return same && (p.grows || p.first == o.first && p.end == o.end)
}
