package bench

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

const (
	perHead    = 4 // query heads of a KV head
	queryHeads = perHead * kvHeads
	scale      = 0.08838835 // 1/sqrt(128)
)

// attendName is the name of decode attention.
func (c Case) attendName() string {
	bits := fmt.Sprintf("b%d", c.Bits)
	if c.Bits == shaders.Raw {
		bits = typeNames[c.Type]
	}
	if c.Plain {
		bits += "/no-importance"
	}
	return fmt.Sprintf("attend/decode/h%dkv%d/d%d/t%d/%s", queryHeads, kvHeads, c.HeadDim, c.Tokens, bits)
}

// attending is decode attention of one layer: one query of each head against
// the pages of all tokens, those of K first in the arena, then those of V.
type attending struct {
	*reading
	tokens                                                                int
	frame, observed, queries, arranged, scores, importance, partials, out device.Buffer
}

func newAttend(ctx context.Context, d device.Device, c Case, tune map[string]uint32) (work, error) {
	r, err := newReading(ctx, d, c, tune)
	if err != nil {
		return nil, err
	}
	a := &attending{reading: r, tokens: r.pages() / 2 * pageTokens}
	a.frame = r.plan("frame", a.frameWords())
	a.observed = r.plan("frame.observe", shaders.ImportanceFrame{Tokens: uint32(a.tokens)}.AppendTo(nil))
	stride := align(a.tokens, shaders.SplitTokens)
	for _, b := range []struct {
		at     *device.Buffer
		label  string
		words  int
		memory device.Memory
	}{
		{&a.queries, "queries", queryHeads * r.layout.RawRowWords(), device.DeviceLocal},
		{&a.arranged, "arranged", kvHeads * shaders.TileWords(r.layout.HeadDim, perHead), device.DeviceLocal},
		{&a.scores, "scores", queryHeads * stride, device.DeviceLocal},
		{&a.importance, "importance", kvHeads * stride / 4, device.DeviceLocal},
		{&a.partials, "partials", stride / shaders.SplitTokens * queryHeads * r.layout.HeadDim, device.DeviceLocal},
		{&a.out, "out", queryHeads * r.layout.RawRowWords(), device.Download},
	} {
		*b.at = r.buffers.make(b.label, b.words, b.memory)
	}
	if r.buffers.err == nil {
		r.buffers.err = fillRows(ctx, d, a.queries, c.Type)
	}
	if r.buffers.err == nil {
		a.record(uint32(stride))
	}
	return r.finish(shaders.Combine)
}

// frameWords are the frame: all tokens, and the places of their pages.
func (a *attending) frameWords() []uint32 {
	words := shaders.Frame{Tokens: uint32(a.tokens), End: uint32(a.tokens)}.AppendTo(nil)
	for i := range a.pages() / 2 {
		words = shaders.FramePages{K: uint32(a.pageAt[i]), V: uint32(a.pageAt[a.pages()/2+i])}.AppendTo(words)
	}
	return words
}

func (a *attending) record(stride uint32) {
	groups, tokens := uint32(a.groupsPerToken()), int(stride)
	a.step(shaders.ArrangeQueries, shaders.ArrangeQueriesPush{Vectors: perHead, Heads: kvHeads, PerHead: perHead, RowHeads: queryHeads, Scale: scale}.Bytes(),
		a.workgroups(shaders.ArrangeQueries, kvHeads*perHead*a.layout.HeadDim/32), a.queries, a.arranged)
	score := shaders.ScorePush{Vectors: perHead, Heads: kvHeads, Stride: stride, PageTokens: pageTokens, GroupsPerToken: groups}
	a.step(shaders.Score, score.Bytes(), a.workgroups(shaders.Score, tokens)*kvHeads, a.arena, a.frame, a.arranged, a.scores)
	a.step(shaders.Softmax, shaders.SoftmaxPush{Vectors: perHead, Heads: kvHeads, PerHead: perHead, Stride: stride}.Bytes(),
		kvHeads*perHead/4, a.frame, a.scores)
	if !a.Plain {
		push := shaders.RecordImportancePush{Vectors: perHead, VectorEnd: perHead, Heads: kvHeads, Stride: stride, HeadStride: stride / 4, Words: stride / 4}
		a.step(shaders.RecordImportance, push.Bytes(), a.workgroups(shaders.RecordImportance, kvHeads*tokens/4), a.observed, a.scores, a.importance)
	}
	mix := shaders.WeightedSumPush{Vectors: perHead, Heads: kvHeads, Stride: stride, PageTokens: pageTokens, GroupsPerToken: groups}
	a.step(shaders.WeightedSum, mix.Bytes(), a.workgroups(shaders.WeightedSum, tokens/shaders.SplitTokens*kvHeads*a.layout.HeadDim/32), a.arena, a.frame, a.scores, a.partials)
	a.barrier()
	a.dispatch(shaders.Combine, shaders.CombinePush{Vectors: perHead, Heads: kvHeads, PerHead: perHead, RowHeads: queryHeads}.Bytes(),
		a.workgroups(shaders.Combine, queryHeads*a.layout.RawRowWords()), a.frame, a.partials, a.out)
}

// step records a kernel after what went before it, and its time.
func (a *attending) step(k *shaders.Kernel, push []byte, workgroups uint32, buffers ...device.Buffer) {
	a.barrier()
	a.dispatch(k, push, workgroups, buffers...)
	a.list.Mark(k.Name)
}

func (a *attending) barrier() {
	if len(a.list.Commands()) > 0 {
		a.list.Barrier(device.Shader, device.Shader)
	}
}

func (a *attending) dispatch(k *shaders.Kernel, push []byte, workgroups uint32, buffers ...device.Buffer) {
	views := make([]device.View, len(buffers))
	for i, b := range buffers {
		views[i] = device.Whole(b)
	}
	a.list.Dispatch(device.Dispatch{Kernel: k, Spec: a.spec(k), Push: push, Workgroups: workgroups, Views: views})
}
