package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// Read returns all rows of a layer, those of the current step included, in the
// type of k and v, which must be alike and hold at least [tokens][KV heads][D]
// elements of host memory. It returns the number of tokens.
func (c *Cache) Read(layer int, k, v Rows) (tokens int, err error) {
	if err := c.usable(layer); err != nil {
		return 0, err
	}
	tokens = c.tokens + c.pending[layer]
	if err := c.checkTarget(k, v, tokens); err != nil {
		return 0, fmt.Errorf("backend: read: %w", err)
	}
	words := c.cfg.KVHeads * c.cfg.HeadDim * k.Type.Bytes() / 4 // of a token, one kind
	most := c.out.Len() / (2 * words) / c.cfg.PageTokens * c.cfg.PageTokens
	for from := 0; from < tokens; from += most {
		to := min(from+most, tokens)
		if err := c.readSome(layer, k.Type, from, to); err != nil {
			return 0, err
		}
		c.copyOut(k, v, from, to, words)
	}
	return tokens, nil
}

func (c *Cache) checkTarget(k, v Rows, tokens int) error {
	need := tokens * c.cfg.KVHeads * c.cfg.HeadDim
	for i, r := range []Rows{k, v} {
		elements, err := r.elements()
		if err != nil {
			return fmt.Errorf("%s: %w", Kind(i), err)
		}
		if r.View.Buffer != nil {
			return fmt.Errorf("%s: rows must be host memory", Kind(i))
		}
		if elements < need {
			return fmt.Errorf("%s: room for %d elements: %d tokens have %d", Kind(i), elements, tokens, need)
		}
	}
	if k.Type != v.Type {
		return fmt.Errorf("k is %s and v is %s: both must be alike", k.Type, v.Type)
	}
	return nil
}

// readSome brings the tokens from..to of a layer to out as [token][K, V][KV
// head][D], in one list with the rows that wait for the ring.
func (c *Cache) readSome(layer int, out Type, from, to int) error {
	err := c.run("read", func(l *List) {
		c.recordAppends(l)
		if from < c.stored {
			c.recordDecode(l, layer, out, from, min(to, c.stored))
			l.Mark("decode")
		}
		if to > c.stored {
			c.recordWindow(l, layer, out, from, to)
			l.Mark("convert")
		}
	})
	if err == nil {
		c.appendsDone()
	}
	return err
}

// recordDecode records the decoding of pages: one dispatch a slab.
func (c *Cache) recordDecode(l *List, layer int, out Type, from, to int) {
	g, plan := &c.geo, c.newPlanner()
	words := c.cfg.KVHeads * c.cfg.HeadDim * out.Bytes() / 4
	rowFirst, rowCount := 0, g.layout.Rows
	if g.layout.Rows > c.cfg.KVHeads || g.units < g.layers {
		rowFirst, rowCount = layer*c.cfg.KVHeads, c.cfg.KVHeads
	}
	for slab, jobs := range c.decodeJobs(g.unitOf(layer), from, to, words) {
		if len(jobs) == 0 {
			continue
		}
		groups := len(jobs) / 2 * g.pageGroups
		push := shaders.DecodePush{Groups: uint32(groups), GroupsPerJob: uint32(g.pageGroups),
			GroupsPerToken: uint32(g.tokenGroups), TokenStride: uint32(2 * words),
			RowFirst: uint32(rowFirst), RowCount: uint32(rowCount)}
		k := constants{layout: g.layout, lanes: 1, in: c.cfg.Type, out: out}
		l.Dispatch(Dispatch{Kernel: shaders.Decode, Spec: k.spec(shaders.Decode), Push: push.Bytes(),
			Workgroups: workgroups(groups * rowCount),
			Views:      []View{Whole(c.store.slabs.buffers[slab]), plan.add(jobs), Whole(c.out)}})
	}
}

// decodeJobs are the plans of the pages of a unit, by slab. Row offsets count
// from token from; words are a token's of one kind.
func (c *Cache) decodeJobs(unit, from, to, words int) [][]uint32 {
	jobs := make([][]uint32, len(c.store.slabs.buffers))
	for chunk := from / c.cfg.PageTokens; chunk < to/c.cfg.PageTokens; chunk++ {
		for kind := range c.store.refs {
			ref := c.store.refs[kind][unit][chunk]
			at := (2*(chunk*c.cfg.PageTokens-from) + kind) * words
			jobs[ref.Slab] = append(jobs[ref.Slab], ref.Offset, uint32(at))
		}
	}
	return jobs
}

// recordWindow records the conversion of tokens of the ring.
func (c *Cache) recordWindow(l *List, layer int, out Type, from, to int) {
	words := c.cfg.KVHeads * c.cfg.HeadDim * out.Bytes() / 4
	for token := max(from, c.stored); token < to; {
		n := min(to-token, c.geo.slots-token%c.geo.slots)
		c.convert(l, conversion{
			in: c.cfg.Type, out: out, rows: 2 * n * c.cfg.KVHeads,
			src: Whole(c.ring), srcAt: c.geo.ringAt(token, Key, layer), srcStride: c.geo.tokenWords,
			dst: Whole(c.out), dstAt: 2 * (token - from) * words, dstStride: words,
		})
		token += n
	}
}

// copyOut copies the tokens from..to from the download buffer to the caller.
func (c *Cache) copyOut(k, v Rows, from, to, words int) {
	src := c.out.Words()
	for token := from; token < to; token++ {
		element, at := token*c.cfg.KVHeads*c.cfg.HeadDim, 2*(token-from)*words
		k.unpack(element, src[at:at+words])
		v.unpack(element, src[at+words:at+2*words])
	}
}

// conversion is a run of rows that change place and type; a token has KVHeads
// rows, and offsets and strides are in words of the views.
type conversion struct {
	in, out          Type
	rows             int
	src, dst         View
	srcAt, srcStride int
	dstAt, dstStride int
}

func (c *Cache) convert(l *List, v conversion) {
	slack := v.src.Offset % c.dev.Limits().ViewAlign // views begin at aligned words
	v.src.Offset, v.src.Words = v.src.Offset-slack, v.src.Words+slack
	push := shaders.ConvertPush{Rows: uint32(v.rows), RowsPerToken: uint32(c.cfg.KVHeads),
		SrcOffset: uint32(slack + v.srcAt), SrcTokenStride: uint32(v.srcStride),
		DstOffset: uint32(v.dstAt), DstTokenStride: uint32(v.dstStride)}
	k := constants{layout: c.geo.layout, lanes: 1, in: v.in, out: v.out}
	l.Dispatch(Dispatch{Kernel: shaders.Convert, Spec: k.spec(shaders.Convert), Push: push.Bytes(),
		Workgroups: workgroups(v.rows), Views: []View{v.src, v.dst}})
}
