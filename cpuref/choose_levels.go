package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// ChooseLevels writes the level of each token of pages, 0..9 or shaders.Raw, by its
// decayed importance and the bounds of its layer.
func ChooseLevels(_ shaders.Spec, p shaders.ChooseLevelsPush, plan, importance, levels []uint32) error {
	const k = kernel("choose_levels")
	return try(func() {
		c := levelChooser{p, k.grid(p.Tokens, p.TokensPerJob, 1), buffer{k, "plan", plan}, buffer{k, "importance", importance}}
		if p.Mean > shaders.LevelBounds {
			k.fail("level %d of the mean: must be 0 to %d", p.Mean, shaders.LevelBounds)
		}
		out := buffer{k, "levels", levels}.span(0, uint64(p.Tokens))
		parallel(int(p.Tokens), shaders.LevelBounds, func(from, to int) {
			for n := from; n < to; n++ {
				out[n] = c.choose(n)
			}
		})
	})
}

type levelChooser struct {
	p                shaders.ChooseLevelsPush
	grid             grid
	plan, importance buffer
}

// choose returns the level of token n of the dispatch.
func (c *levelChooser) choose(n int) uint32 {
	number, token, _ := c.grid.place(n)
	job := jobAt(c.plan, uint64(c.p.Jobs), shaders.LevelJobWords, number, shaders.ParseLevelJob)
	t := uint64(job.Token) + token
	switch {
	case t < uint64(c.p.First):
		return shaders.Raw
	case t >= uint64(job.Seen):
		return c.p.Mean
	}
	word := c.importance.span(uint64(job.Importance)+shaders.ImportanceHeader+t/2, 1)
	importance := tokens(word).get(uint32(t % 2))
	if importance >= shaders.SinkMark {
		return shaders.Raw
	}
	return levelOf(c.importance.span(uint64(job.Importance), shaders.LevelBounds), importance)
}

// levelOf returns how many bounds a token's importance reaches.
func levelOf(bounds []uint32, importance uint32) (level uint32) {
	for _, b := range bounds {
		if importance >= b {
			level++
		}
	}
	return level
}
