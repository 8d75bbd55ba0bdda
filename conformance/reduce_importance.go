package conformance

import (
	"math/rand/v2"

	"github.com/qaqvk/qaqvk/shaders"
)

// randomImportance is the codes of four tokens: 0, that of 1, or any between.
func randomImportance(rng *rand.Rand) uint32 {
	word := uint32(0)
	for range 4 {
		code := rng.Uint32()
		switch code % 8 {
		case 0:
			code = 0
		case 1:
			code = 0x3f800000>>20 - 768
		default:
			code = code >> 3 % (0x3f800000>>20 - 767)
		}
		word = word<<8 | code
	}
	return word
}

// buildReduceImportance makes the weights of the groups of all pages, those of page j in
// layer j%L.
func buildReduceImportance(c Case) (*program, error) {
	params, a := c.Params, c.Params.Attention
	layers, groupLayers, groupHeads := max(a.Layers, 1), 1, 1
	switch a.Level {
	case "layer":
		groupHeads = a.Heads
	case "token":
		groupHeads, groupLayers = a.Heads, layers
	}
	layerStride := a.Heads*a.headStride() + 1
	rowStride := layers*layerStride + 2
	plan := []uint32{unwritten}
	for j := range params.Pages {
		at := importanceAt
		if a.Level != "token" {
			at += j % layers * layerStride
		}
		plan = shaders.WeightJob{Token: uint32(a.First + (params.Pages-1-j)*a.PageTokens), Importance: uint32(at), Seen: uint32(a.Seen + j%2)}.AppendTo(plan)
	}
	rng, importance := c.rng(7), make([]uint32, importanceAt+a.Kept*rowStride)
	for i := range importance {
		importance[i] = randomImportance(rng)
	}
	push := shaders.ReduceImportancePush{
		Jobs:   1,
		Groups: uint32(params.total()), GroupsPerJob: uint32(params.Groups), GroupsPerToken: uint32(params.GroupsPerToken),
		Heads: uint32(groupHeads), Layers: uint32(groupLayers),
		HeadStride: uint32(a.headStride()), LayerStride: uint32(layerStride),
		Rows: uint32(a.Kept), RowStride: uint32(rowStride), One: a.One,
	}
	p := &program{}
	planned, in, out := p.input("plan", plan), p.input("importance", importance), p.result("want", params.total()+3)
	p.run(shaders.ReduceImportance, params.spec(shaders.ReduceImportance, 0), push.Bytes(), params.workgroups(params.total(), 1), planned, in, out)
	return p, nil
}
