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

const (
	splitTokens = 256 // tokens of a split of the contract
	frameHead   = 4   // words of a frame before the places of pages
)

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

// tileOf is the size of a tile of query vectors that read so many tokens. Rows
// are read once a tile; tiles are padded. GPUs take the size that pads least,
// the larger of equal ones: 64 sums for each of 32 lanes are what fits the
// registers of all that are compiled for. On a CPU a row costs as much to read
// as its products with 20 vectors, but a large tile takes half a minute to
// compile, so that short sequences have small ones.
func tileOf(l device.Limits, headDim, vectors, tokens int) int {
	if vectors <= 2 {
		return vectors
	}
	best, least := 0, 1<<30
	for _, size := range [...]int{16, 12, 8, 4} {
		if cost := tileCost(l, size, vectors); cost < least && mayTile(l, size, headDim, vectors, tokens) {
			best, least = size, cost
		}
	}
	return best
}

// mayTile tells whether a size is one to choose from.
func mayTile(l device.Limits, size, headDim, vectors, tokens int) bool {
	most := 64 / ((headDim + 31) / 32)
	if l.CPU {
		if vectors <= 8 || tokens < longTokens {
			most = 4
		}
		return size == min(most, 16)
	}
	return size <= most
}

// longTokens are the tokens from which on a large tile pays on a CPU.
const longTokens = 1024

// tileCost weighs the tiles of so many vectors against each other.
func tileCost(l device.Limits, size, vectors int) int {
	if padded := roundUp(vectors, size); !l.CPU {
		return padded
	}
	const read = 20
	return (vectors + size - 1) / size * (read + size)
}

// layoutOf lays out a batch.
func (r *attention) layoutOf(queries, heads, stride int) attendLayout {
	return newAttendLayout(&r.s.c.geo, r.s.c.dev.Limits(), queries*r.s.c.cfg.perHead(), heads, stride)
}

// batchSize is how many queries and KV heads are done at once: of what fits the
// scratch, the queries with the cheapest tiles, then as many heads as possible.
func (r *attention) batchSize() (queries, heads int) {
	room, stride, l := r.s.c.scratch.Len(), roundUp(r.tokens, splitTokens), r.s.c.dev.Limits()
	if w := r.options.Window; w > 0 {
		stride = min(stride, roundUp(w+r.n, splitTokens)+splitTokens)
	}
	queries, heads = 1, 1
	least := 1 << 30
	for n := 1; n <= r.n; n++ {
		a := r.layoutOf(n, 1, stride)
		if n > 1 && a.words > room {
			break
		}
		if cost := (r.n + n - 1) / n * tileCost(l, a.tile, n*r.s.c.cfg.perHead()); cost <= least {
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
		b.base = max(0, b.tokens-queries-w+1) / splitTokens * splitTokens
	}
	b.stride = roundUp(b.tokens-b.base, splitTokens)
	b.parts = r.partsOf(b)
	for _, o := range r.observed {
		if o.query >= query && o.query < query+queries {
			b.watched = append(b.watched, watchedQuery{o, r.newFrame(observeFrame)})
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
		parts = append(parts, r.withFrame(p, frameHead+2*len(p.blocks)))
		chunk = end
	}
	ring := attendPart{buffer: s.ring, first: s.stored, end: r.tokens, grows: true}
	if ring.first < b.tokens {
		parts = append(parts, r.withFrame(ring, frameHead))
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
			copy(words[o.frame.Offset:], frame[:])
		}
		for _, p := range b.parts {
			frame := words[p.frame.Offset:][:p.frame.Words]
			copy(frame, []uint32{uint32(b.tokens), uint32(b.base), uint32(p.first), uint32(min(p.end, b.tokens))})
			places := frame[frameHead:]
			for i, b := range p.blocks {
				places[2*i], places[2*i+1] = uint32(b.pages[shaders.Key].at), uint32(b.pages[shaders.Value].at)
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
