package backend

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// reading is what one list reads of a layer: the tokens from..to. Every
// dispatch has a part of out to itself, so that none waits for another: pages
// as [K, V][token][KV head][D] one after the other, run by run, then
// what the ring has as [token][K, V][KV head][D].
type reading struct {
	s     *Sequence
	c     *Cache
	layer int
	out   Type
	words int // of a token, one kind, in out
	to    int
	parts []readPart
	runs  []readRun
}

// readPart are chunks from..to, whose blocks lie in one segment.
type readPart struct {
	blocks   []*block
	from, to int
	at       int
}

// readRun are tokens that lie side by side in the ring.
type readRun struct {
	token, tokens int
	at            int
}

// newReading reads as many of the tokens from..to as out has room for.
func (s *Sequence) newReading(layer int, out Type, from, to int) *reading {
	r := &reading{s: s, c: s.c, layer: layer, out: out, to: from, words: s.c.cfg.KVHeads * s.c.cfg.HeadDim * out.Bytes() / 4}
	at := r.chooseParts()
	if r.to >= s.stored {
		r.chooseRuns(to, at)
	}
	return r
}

// chunkWords are the words of a chunk in out.
func (r *reading) chunkWords() int { return 2 * r.c.cfg.PageTokens * r.words }

// chunkPlan are the words of a chunk in the plan: a job for K and one for V.
const chunkPlan = 2 * shaders.DecodeJobWords

// chooseParts takes chunks while they fit in out, and returns the end.
func (r *reading) chooseParts() int {
	s, c, at, align := r.s, r.c, 0, r.c.dev.Limits().ViewAlign
	plan := c.plan.Len()
	for r.to < s.stored {
		chunk := r.to / c.cfg.PageTokens
		unit := c.geo.unitOf(r.layer)
		at = roundUp(at, align)
		end := min(s.store.runEnd(unit, chunk), s.stored/c.cfg.PageTokens, chunk+(c.out.Len()-at)/r.chunkWords(), chunk+plan/chunkPlan)
		if end <= chunk {
			break
		}
		plan -= roundUp(chunkPlan*(end-chunk), align)
		r.parts = append(r.parts, readPart{s.store.units[unit][chunk:end], chunk, end, at})
		at, r.to = at+(end-chunk)*r.chunkWords(), end*c.cfg.PageTokens
	}
	return at
}

// chooseRuns takes tokens of the ring while they fit, from word at of out on.
func (r *reading) chooseRuns(to, at int) {
	slots, align := r.c.geo.slots, r.c.dev.Limits().ViewAlign
	for at = roundUp(at, align); r.to < to; at = roundUp(at, align) {
		n := min(to-r.to, slots-r.to%slots, (r.c.out.Len()-at)/(2*r.words))
		if n <= 0 {
			return
		}
		r.runs = append(r.runs, readRun{r.to, n, at})
		at, r.to = at+2*n*r.words, r.to+n
	}
}

// recordDecode records the decoding of pages: one dispatch a segment.
func (r *reading) recordDecode(l *device.List) {
	g, plan := &r.c.geo, r.c.newPlanner()
	rowFirst, rowCount := 0, g.layout.Rows
	if g.units < g.layers {
		rowFirst, rowCount = r.layer*g.heads, g.heads
	}
	for _, p := range r.parts {
		jobs := p.jobs(r.chunkWords())
		groups := len(jobs) * g.pageGroups
		push := shaders.DecodePush{Groups: uint32(groups), GroupsPerJob: uint32(g.pageGroups),
			GroupsPerToken: uint32(g.tokenGroups), TokenStride: uint32(r.words),
			RowFirst: uint32(rowFirst), RowCount: uint32(rowCount)}
		dispatch(l, r.c.pipeline(shaders.Decode, r.c.cfg.Type, r.out), push.Bytes(), groups*rowCount,
			device.Whole(p.blocks[0].seg.buffer), plan.add(shaders.AppendJobs(nil, jobs...)),
			device.View{Buffer: r.c.out, Offset: p.at, Words: (p.to - p.from) * r.chunkWords()})
	}
}

// jobs are the pages, which lie in the part of out one after the other.
func (p readPart) jobs(chunkWords int) (jobs []shaders.DecodeJob) {
	for i, b := range p.blocks {
		for kind, page := range b.pages {
			jobs = append(jobs, shaders.DecodeJob{Page: uint32(page.at), Rows: uint32(i*chunkWords + kind*chunkWords/2)})
		}
	}
	return jobs
}

// recordWindow records the conversion of tokens of the ring.
func (r *reading) recordWindow(l *device.List) {
	c := r.c
	for _, run := range r.runs {
		c.convert(l, conversion{
			in: c.cfg.Type, out: r.out, rows: 2 * run.tokens * c.cfg.KVHeads,
			src: device.Whole(r.s.ring), srcAt: c.geo.ringAt(run.token, shaders.Key, r.layer), srcStride: c.geo.tokenWords,
			dst: device.View{Buffer: c.out, Offset: run.at, Words: 2 * run.tokens * r.words}, dstStride: r.words,
		})
	}
}

// copyOut copies what was read from out to the caller.
func (r *reading) copyOut(k, v Rows) {
	src, token := r.c.out.Words(), r.c.cfg.KVHeads*r.c.cfg.HeadDim
	target := [2]Rows{k, v}
	page := r.chunkWords() / 2
	for _, p := range r.parts {
		for i := range 2 * (p.to - p.from) {
			chunk, at := p.from+i/2, p.at+i*page
			target[i%2].unpack(chunk*r.c.cfg.PageTokens*token, src[at:at+page])
		}
	}
	for _, run := range r.runs {
		for i := range 2 * run.tokens {
			at := run.at + i*r.words
			target[i%2].unpack((run.token+i/2)*token, src[at:at+r.words])
		}
	}
}
