package conformance

import "github.com/qaqvk/qaqvk/shaders"

// buildNormalizeImportance normalizes all layers, the last one first; layer j
// without j of its tokens. Every other layer has a lower threshold of sinks.
func buildNormalizeImportance(c Case) (*program, error) {
	a := c.Params.Attention
	thresholds := shaders.LevelThresholds(a.Decay.Floor, a.Decay.Shift)
	plan := append([]uint32{unwritten}, thresholds[:]...)
	jobs := len(plan)
	layers := max(a.Layers, 1)
	for n := range layers {
		j := layers - 1 - n
		plan = shaders.NormalizeJob{
			Importance: uint32(a.layerAt(j)), First: uint32(a.Decay.First + j), Tokens: uint32(max(0, a.Tokens-j)), Stored: uint32(a.Decay.Stored),
			Sink: shaders.MostImportance >> (8 * (j % 2)),
		}.AppendTo(plan)
	}
	push := shaders.NormalizeImportancePush{Jobs: uint32(jobs), Thresholds: 1}
	p := &program{}
	p.run(shaders.NormalizeImportance, c.Params.spec(shaders.NormalizeImportance, 0), push.Bytes(), layers,
		p.input("plan", plan), p.change("importance", c.layers()))
	return p, nil
}
