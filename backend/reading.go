package backend

import (
	"maps"
	"slices"

	"github.com/qaqvk/qaqvk/internal/arena"
	"github.com/qaqvk/qaqvk/shaders"
)

// reading is what one list reads of a layer: the tokens from..to. Every
// dispatch has a part of out to itself, so that none waits for another: pages
// as [token][KV head][D] one after the other, slab by slab, then what the ring
// has as [token][K, V][KV head][D].
type reading struct {
	c     *Cache
	layer int
	out   Type
	words int // of a token, one kind, in out
	to    int
	pages map[int][]readPage // by slab
	runs  []readRun
}

// readPage is a page to decode, and where in out its rows come.
type readPage struct {
	kind  Kind
	token int // its first
	ref   arena.Ref
	at    int
}

// readRun are tokens that lie side by side in the ring.
type readRun struct {
	token, tokens int
	at            int
}

// newReading reads as many of the tokens from..to as out has room for.
func (c *Cache) newReading(layer int, out Type, from, to int) *reading {
	r := &reading{c: c, layer: layer, out: out, to: from, pages: map[int][]readPage{},
		words: c.cfg.KVHeads * c.cfg.HeadDim * out.Bytes() / 4}
	room := r.choosePages(c.out.Len())
	r.placePages()
	if r.to >= c.stored {
		r.chooseRuns(to, c.out.Len()-room)
	}
	return r
}

// choosePages takes chunks while they fit in room, with the loss to alignment
// for each slab, and returns what is left.
func (r *reading) choosePages(room int) int {
	c, n := r.c, r.c.cfg.PageTokens
	for ; r.to < c.stored; r.to += n {
		refs := [2]arena.Ref{}
		need := 2 * n * r.words
		for k := range refs {
			refs[k] = c.store.ref(pageID{Kind(k), c.geo.unitOf(r.layer), r.to / n})
			if r.pages[refs[k].Slab] == nil {
				need += c.dev.Limits().ViewAlign
			}
		}
		if need > room {
			return room
		}
		room -= need
		for k, ref := range refs {
			r.pages[ref.Slab] = append(r.pages[ref.Slab], readPage{kind: Kind(k), token: r.to, ref: ref})
		}
	}
	return room
}

func (r *reading) placePages() {
	at := 0
	for _, slab := range slices.Sorted(maps.Keys(r.pages)) {
		for i := range r.pages[slab] {
			r.pages[slab][i].at = at
			at += r.c.cfg.PageTokens * r.words
		}
		at = roundUp(at, r.c.dev.Limits().ViewAlign)
	}
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

// recordDecode records the decoding of pages: one dispatch a slab.
func (r *reading) recordDecode(l *List) {
	g, plan := &r.c.geo, r.c.newPlanner()
	rowFirst, rowCount := 0, g.layout.Rows
	if g.units < g.layers {
		rowFirst, rowCount = r.layer*g.heads, g.heads
	}
	for slab, pages := range sorted(r.pages) {
		groups := len(pages) * g.pageGroups
		jobs := make([]uint32, 0, 2*len(pages))
		for _, p := range pages {
			jobs = append(jobs, p.ref.Offset, uint32(p.at-pages[0].at))
		}
		push := shaders.DecodePush{Groups: uint32(groups), GroupsPerJob: uint32(g.pageGroups),
			GroupsPerToken: uint32(g.tokenGroups), TokenStride: uint32(r.words),
			RowFirst: uint32(rowFirst), RowCount: uint32(rowCount)}
		k := constants{layout: g.layout, lanes: 1, in: r.c.cfg.Type, out: r.out}
		l.Dispatch(Dispatch{Kernel: shaders.Decode, Spec: k.spec(shaders.Decode), Push: push.Bytes(),
			Workgroups: workgroups(groups * rowCount),
			Views: []View{Whole(r.c.store.slabs.buffers[slab]), plan.add(jobs),
				{r.c.out, pages[0].at, len(pages) * g.pageTokens * r.words}}})
	}
}

// recordWindow records the conversion of tokens of the ring.
func (r *reading) recordWindow(l *List) {
	c := r.c
	for _, run := range r.runs {
		c.convert(l, conversion{
			in: c.cfg.Type, out: r.out, rows: 2 * run.tokens * c.cfg.KVHeads,
			src: Whole(c.ring), srcAt: c.geo.ringAt(run.token, Key, r.layer), srcStride: c.geo.tokenWords,
			dst: View{c.out, run.at, 2 * run.tokens * r.words}, dstStride: r.words,
		})
	}
}

// copyOut copies what was read from out to the caller.
func (r *reading) copyOut(k, v Rows) {
	src, token := r.c.out.Words(), r.c.cfg.KVHeads*r.c.cfg.HeadDim
	target := [2]Rows{k, v}
	for _, pages := range r.pages {
		for _, p := range pages {
			target[p.kind].unpack(p.token*token, src[p.at:p.at+r.c.cfg.PageTokens*r.words])
		}
	}
	for _, run := range r.runs {
		for i := range 2 * run.tokens {
			at := run.at + i*r.words
			target[i%2].unpack((run.token+i/2)*token, src[at:at+r.words])
		}
	}
}
