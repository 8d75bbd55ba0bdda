package decayed

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Choice is what levels depend on besides importance.
type Choice struct {
	Stored int // tokens that are in pages or are being stored: they may become sinks
	Shift  int // of all levels, in sixteenths: shaders.LevelThresholds
	// Freed are the pages of a layer that a sliding window left behind.
	Freed func(layer int) int
}

// Choose records that the tokens of pages get levels, a word each, 0 to 9 or
// shaders.Raw; of each page, whose kind does not matter, PageTokens of them. The
// list runs behind the calls that added importance.
func (m *Importance) Choose(l *device.List, plan *core.Room, list []pages.ID, c Choice, levels device.View) {
	thresholds := shaders.LevelThresholds(m.Floor, c.Shift)
	words, layers := m.appendNormalizeJobs(thresholds[:], list, c)
	jobs := len(words)
	for _, p := range list {
		words = shaders.LevelJob{Token: uint32(p.Page * m.work.PageTokens), Importance: uint32(p.LayerGroup * m.layerWords()),
			Seen: uint32(m.Seen(p.LayerGroup))}.AppendTo(words)
	}
	in, importance := plan.Put(words), device.Whole(m.buffer)
	normalize := shaders.NormalizeImportancePush{Jobs: shaders.LevelBounds}
	core.DispatchJobs(l, m.pipeline(shaders.NormalizeImportance), normalize.Bytes(), layers, in, importance)
	l.Barrier(device.Shader, device.Shader)
	n := len(list) * m.work.PageTokens
	choose := shaders.ChooseLevelsPush{Jobs: uint32(jobs), Tokens: uint32(n), TokensPerJob: uint32(m.work.PageTokens),
		First: uint32(m.First), Mean: shaders.MeanLevel(thresholds)}
	core.Dispatch(l, m.pipeline(shaders.ChooseLevels), choose.Bytes(), n, in, importance, levels)
}

// pipeline is a kernel that reads no rows.
func (m *Importance) pipeline(k *shaders.Kernel) shaders.Pipeline {
	return m.work.Pipeline(k, m.work.Layout.Type, m.work.Layout.Type)
}

// appendNormalizeJobs appends a job for each layer that has a page.
func (m *Importance) appendNormalizeJobs(words []uint32, list []pages.ID, c Choice) (all []uint32, layers int) {
	has := make([]bool, len(m.layers))
	for _, p := range list {
		if has[p.LayerGroup] {
			continue
		}
		has[p.LayerGroup] = true
		h := &m.layers[p.LayerGroup]
		words = shaders.NormalizeJob{Importance: uint32(p.LayerGroup * m.layerWords()), Tokens: uint32(h.old),
			First:  uint32(max(m.First, c.Freed(p.LayerGroup)*m.work.PageTokens)),
			Stored: uint32(min(c.Stored, m.Seen(p.LayerGroup))), Sink: m.sink(h.effective)}.AppendTo(words)
		layers++
	}
	return words, layers
}

// Measure takes what Choose takes of a plan for so many pages.
func (l *Layout) Measure(plan *core.Room, pages int) {
	plan.Take(shaders.LevelBounds + min(pages, l.work.Layers)*shaders.NormalizeJobWords + pages*shaders.LevelJobWords)
}
