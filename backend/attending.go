package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// attending are the buffers of Attend beside the scratch. Nothing of them is
// there where the configuration has no query heads.
type attending struct {
	queries  device.Buffer // upload: query rows
	attended device.Buffer // download: output rows
	frames   device.Buffer // upload: frames
}

// allocateAttending makes the buffers for the most queries of a call.
func (a *attending) allocateAttending(c *Cache) error {
	if c.cfg.QueryHeads == 0 {
		return nil
	}
	words := c.queryLimit() * c.cfg.QueryHeads * c.cfg.HeadDim
	for _, b := range []struct {
		at     *device.Buffer
		label  string
		memory device.Memory
	}{{&a.queries, "queries", device.Upload}, {&a.attended, "attended", device.Download}} {
		if err := c.newBuffer(b.at, b.label, words, b.memory); err != nil {
			return err
		}
	}
	if err := a.fitFrames(c.dev, frameWords(c)); err != nil {
		return fmt.Errorf("backend: new cache: %w", err)
	}
	return nil
}

// queryLimit is the most queries of a call.
func (c *Cache) queryLimit() int { return min(c.cfg.MaxAppend, maxQueries) }

// frameWords are the words of the frames of a call with the most queries, as long
// as the pages of a layer lie in one segment and no options are set.
func frameWords(c *Cache) (words int) {
	for tokens := c.cfg.Capacity; tokens > 0; tokens /= 2 {
		r := &attention{s: &Sequence{c: c}, n: min(c.queryLimit(), tokens), tokens: tokens}
		queries, heads := r.batchSize()
		parts := (c.geo.heads + heads - 1) / heads
		pages := c.frameRoom(shaders.FrameWords+shaders.FramePagesWords*(tokens/c.cfg.PageTokens)) + c.frameRoom(shaders.FrameWords)
		words = max(words, (r.n+queries-1)/queries*parts*pages+c.cfg.Window*parts*c.frameRoom(shaders.ImportanceFrameWords))
	}
	return words
}

// frameRoom are the words that a frame of so many takes.
func (c *Cache) frameRoom(words int) int {
	return roundUp(words, max(c.dev.Limits().ViewAlign, shaders.Align))
}

// fitFrames makes the buffer of frames larger where it has fewer words.
func (a *attending) fitFrames(d device.Device, words int) error {
	if a.frames != nil && a.frames.Len() >= words {
		return nil
	}
	b, err := d.NewBuffer("frames", words, device.Upload)
	if err != nil {
		return fmt.Errorf("frames: %w", err)
	}
	if a.frames != nil {
		a.frames.Release()
	}
	a.frames = b
	return nil
}

func (a *attending) all() []device.Buffer { return []device.Buffer{a.queries, a.attended, a.frames} }

func (a *attendList) release() {
	if a != nil {
		a.list.Release()
	}
}
