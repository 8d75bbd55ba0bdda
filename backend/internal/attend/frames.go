package attend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/shaders"
)

// importanceFrame are the words of the frame of either kind of importance.
const importanceFrame = max(shaders.ImportanceFrameWords, shaders.DecayFrameWords)

// usualFrames are the words of the frames of a call with the most queries, as long
// as the pages of a layer lie in one segment and no options are set.
func (a *Attention) usualFrames() (words int) {
	g := a.work
	for tokens := g.Capacity; tokens > 0; tokens /= 2 {
		r := &call{Attention: a, Call: Call{Queries: min(a.Limit(), tokens), Tokens: tokens}, space: device.Whole(a.work.Scratch)}
		queries, heads := r.batchSize()
		parts := (g.KVHeads + heads - 1) / heads
		pages := a.frameRoom(shaders.FrameWords+shaders.FramePagesWords*(tokens/g.PageTokens)) + a.frameRoom(shaders.FrameWords)
		words = max(words, (r.Queries+queries-1)/queries*pages+g.Queries*parts*a.frameRoom(importanceFrame))
	}
	return words
}

// frameRoom are the words that a frame of so many takes.
func (a *Attention) frameRoom(words int) int {
	return core.RoundUp(words, max(a.work.Limits.ViewAlign, shaders.Align))
}

// fitFrames makes the buffer of frames larger where it has fewer words.
func (a *Attention) fitFrames(words int) error {
	if a.frames != nil && a.frames.Len() >= words {
		return nil
	}
	b, err := a.work.Device.NewBuffer("frames", words, device.Upload)
	if err != nil {
		return fmt.Errorf("frames: %w", err)
	}
	core.Release(a.frames)
	a.frames = b
	return nil
}

// newFrame is room for a frame; its buffer is known when the list is recorded.
func (r *call) newFrame(words int) device.View {
	v := device.View{Offset: r.frameWords, Words: r.frameRoom(words)}
	r.frameWords += v.Words
	return v
}

// inFrames is the view of a frame.
func (r *call) inFrames(v device.View) device.View {
	return device.View{Buffer: r.frames, Offset: v.Offset, Words: v.Words}
}

// writeFrames tells the kernels which tokens there are.
func (r *call) writeFrames() {
	words := r.frames.Words()
	for i := range r.batches {
		b := &r.batches[i]
		for k, t := range b.taken {
			last := i == len(r.batches)-1 && k == len(b.taken)-1
			r.Importance.AppendFrame(words[t.frame.Offset:t.frame.Offset], t.Take,
				core.Batch{Query: b.query, Head: b.head, Tokens: b.tokens, Base: b.base, Last: last})
		}
		if b.head > 0 {
			continue // it has the frames of the batch before
		}
		for _, p := range b.parts {
			frame := shaders.Frame{Tokens: uint32(b.tokens), Base: uint32(b.base), First: uint32(p.first),
				End: uint32(min(p.end, b.tokens))}.AppendTo(words[p.frame.Offset:p.frame.Offset])
			for i := range p.pairs {
				q := p.pairs[max(i, p.held)] // any page stands for a freed one
				frame = shaders.FramePages{K: uint32(q.Pages[shaders.Key].At), V: uint32(q.Pages[shaders.Value].At)}.AppendTo(frame)
			}
		}
	}
}
