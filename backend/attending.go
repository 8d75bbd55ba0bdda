package backend

import "fmt"

// attending are the buffers of Attend beside the scratch. Nothing of them is
// there where the configuration has no query heads.
type attending struct {
	queries  Buffer // upload: query rows
	attended Buffer // download: output rows
	frames   Buffer // upload: frames
}

// allocateAttending makes the buffers for the most queries of a call.
func (a *attending) allocateAttending(c *Cache) error {
	if c.cfg.QueryHeads == 0 {
		return nil
	}
	words := c.queryLimit() * c.cfg.QueryHeads * c.cfg.HeadDim
	for _, b := range []struct {
		at     *Buffer
		label  string
		memory Memory
	}{{&a.queries, "queries", Upload}, {&a.attended, "attended", Download}} {
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

// frameWords are the words of the frames of a full sequence in few segments.
func frameWords(c *Cache) int {
	return 2*c.cfg.Capacity/c.cfg.PageTokens + 8*c.dev.Limits().ViewAlign
}

// fitFrames makes the buffer of frames larger where it has fewer words.
func (a *attending) fitFrames(d Device, words int) error {
	if a.frames != nil && a.frames.Len() >= words {
		return nil
	}
	b, err := d.NewBuffer("frames", words, Upload)
	if err != nil {
		return fmt.Errorf("frames: %w", err)
	}
	if a.frames != nil {
		a.frames.Release()
	}
	a.frames = b
	return nil
}

func (a *attending) all() []Buffer { return []Buffer{a.queries, a.attended, a.frames} }

func (a *attendList) release() {
	if a != nil {
		a.list.Release()
	}
}
