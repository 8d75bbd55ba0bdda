package conformance

import (
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

// buildChooseLevels chooses the levels of the pages of every layer, the last
// first, by bounds that are the importance of some of the layer's tokens.
func buildChooseLevels(c Case) (*program, error) {
	a := c.Params.Attention
	importance, plan := c.layers(), []uint32{unwritten}
	layers, pages := max(a.Layers, 1), a.pages(a.Tokens)
	for j := range layers {
		header, tokens := importance[a.layerAt(j):][:shaders.ImportanceHeader], importance[a.layerAt(j)+shaders.ImportanceHeader:]
		for i := range shaders.LevelBounds {
			header[i], _ = shaders.Importance(tokens, i*5%a.Tokens)
		}
		slices.Sort(header[:shaders.LevelBounds])
	}
	for n := range layers * pages {
		i := layers*pages - 1 - n
		plan = shaders.LevelJob{Token: uint32(i % pages * a.PageTokens), Importance: uint32(a.layerAt(i / pages)),
			Seen: uint32(min(a.Decay.Stored, a.Tokens-i/pages))}.AppendTo(plan)
	}
	n := layers * pages * a.PageTokens
	push := shaders.ChooseLevelsPush{Jobs: 1, Tokens: uint32(n), TokensPerJob: uint32(a.PageTokens), First: uint32(a.Decay.First),
		Mean: shaders.MeanLevel(shaders.LevelThresholds(a.Decay.Floor, a.Decay.Shift))}
	p := &program{}
	p.run(shaders.ChooseLevels, c.Params.spec(shaders.ChooseLevels, 0), push.Bytes(), c.Params.workgroups(n, 1),
		p.input("plan", plan), p.input("importance", importance), p.result("levels", n+3))
	return p, nil
}
