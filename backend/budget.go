package backend

import (
	"context"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Parts of what Config.BytesBudget leaves for pages, between which they are kept where
// levels had to be lowered: above the upper one they go down a little at each round of
// adaptation, below the lower one up. Beyond the budget, all are lowered at once, to the
// middle.
const (
	upperPart  = 0.97
	middlePart = 0.94
	lowerPart  = 0.90
)

// leastShift lowers every level to the least (shaders.LevelThresholds).
const leastShift = -shaders.Levels * shaders.ShiftsPerLevel

// regulate keeps live bytes within the budget after a step. Rounds of adaptation, which
// go on beside later steps, follow a text that grows slowly; where one grows faster,
// the step waits for all of it to be adapted.
func (s *Sequence) regulate(ctx context.Context) error {
	k, ok := s.c.scheme.(*calibrated)
	budget := s.c.cfg.BytesBudget
	if !ok || budget == 0 {
		return nil
	}
	pages, room := s.c.budgetedBytes()
	if pages <= room {
		if s.due {
			k.drift(float64(pages) / float64(room))
		}
		return nil
	}
	for pages > room && k.shift > leastShift {
		k.lower(s.c.arena.Count(), pages-int64(middlePart*float64(room)))
		if err := s.c.adaptAll(ctx); err != nil {
			return err
		}
		pages, room = s.c.budgetedBytes()
	}
	if pages > room {
		return fmt.Errorf("backend: pages take %d bytes with every token at the least level, tables, recent window and importance %d: the budget is %d: %w",
			pages, budget-room, budget, ErrBudget)
	}
	return nil
}

// budgetedBytes are the live bytes of pages, and what the budget leaves for them.
func (c *Cache) budgetedBytes() (pages, room int64) {
	b := c.Stats().Bytes
	return b.Stored, c.cfg.BytesBudget - (b.Live - b.Stored)
}

// adaptAll chooses the levels of all sequences anew and waits until they are in place.
func (c *Cache) adaptAll(ctx context.Context) error {
	c.adapter.Finish(nil)
	for _, s := range c.inOrder() {
		if _, err := c.adapter.All(ctx, s.adapting); err != nil {
			return err
		}
	}
	return nil
}

// drift moves all levels a little where pages take a part of their room beyond the
// bounds.
func (c *calibrated) drift(part float64) {
	switch {
	case part > upperPart:
		c.shift = max(c.shift-1, leastShift)
	case part < lowerPart && c.shift < 0:
		c.shift++
	}
}

// lower moves all levels down so far that pages, of which there are so many, take about
// the given bytes less.
func (c *calibrated) lower(n *pages.Counts, bytes int64) {
	now := c.words(n, 0)
	for d := -1; ; d-- {
		c.shift--
		if c.shift <= leastShift || 4*(now-c.words(n, d)) >= float64(bytes) {
			return
		}
	}
}

// words are those of the records of pages if all levels were moved by so many shifts:
// between levels, in proportion.
func (c *calibrated) words(n *pages.Counts, shift int) (words float64) {
	for k := range n.Groups {
		sizes := c.meanWords(shaders.Kind(k))
		for level, count := range n.Groups[k][:shaders.Levels] {
			at := min(max(0, float64(level)+float64(shift)/shaders.ShiftsPerLevel), shaders.Levels-1)
			low := min(int(at), shaders.Levels-2)
			words += float64(count) * (sizes[low] + (at-float64(low))*(sizes[low+1]-sizes[low]))
		}
	}
	return words
}

// meanWords are the words of a record of a kind at each level, the mean over layers.
func (c *calibrated) meanWords(k shaders.Kind) (words [shaders.Levels]float64) {
	for layer := range c.work.Layers {
		for level := range words {
			words[level] += float64(c.codec.Tables(k, layer).RecordWords(uint8(level))) / float64(c.work.Layers)
		}
	}
	return words
}
