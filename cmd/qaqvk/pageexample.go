package main

import (
	"math"

	"github.com/qaqvk/qaqvk/cpuref"
	"github.com/qaqvk/qaqvk/shaders"
)

// exampleBits are what the groups of the example are asked to have; the last one
// has a NaN and is stored raw.
var exampleBits = []uint8{8, 5, 3, 2, 0, shaders.Evicted, shaders.Raw, 4}

// examplePage encodes groups of scattered values with a spike each, and packs them
// as a cache does.
func examplePage(l shaders.Layout) ([]uint32, error) {
	n := len(exampleBits)
	s := shaders.Spec{Workgroup: 128, Lanes: 1, Type: l.Type, OutType: l.Type,
		HeadDim: uint32(l.HeadDim), Rows: uint32(l.Rows), Low: uint32(l.Low), High: uint32(l.High)}
	e := shaders.EncodePush{Groups: uint32(n), GroupsPerJob: uint32(n), GroupsPerToken: 1, TokenStride: uint32(l.RawGroupWords()),
		SlotBase: uint32(shaders.AlignWords(n)), SlotWords: uint32(l.SlotWords())}
	slots, want := make([]uint32, int(e.SlotBase)+n*l.SlotWords()), make([]uint32, n)
	for g, b := range exampleBits {
		want[g] = uint32(b)
	}
	plan := shaders.RulePlan([]uint32{0}, [][]float32{nil})
	if err := cpuref.Encode(s, e, exampleRows(l, n), plan, slots, want); err != nil {
		return nil, err
	}
	bits := shaders.BitsOf(slots[:n])
	page := make([]uint32, shaders.AlignWords(l.PageWords(bits)))
	p := shaders.PackPush{Groups: e.Groups, SlotBase: e.SlotBase, SlotWords: e.SlotWords}
	err := cpuref.Pack(s, p, 1, slots, l.PackPlan([]shaders.PackJob{{}}, [][]uint8{bits}), page)
	return page, err
}

// exampleRows are the rows of n groups.
func exampleRows(l shaders.Layout, n int) []uint32 {
	words := make([]uint32, 0, n*l.RawGroupWords())
	var low uint32
	for i := range n * l.Group() {
		x := float32(i*37%64)/32 - 1
		switch {
		case i == n*l.Group()-1:
			x = float32(math.NaN())
		case i%l.Group() == 7:
			x = 20
		}
		element := cpuref.Narrow(l.Type, math.Float32bits(x))
		switch {
		case l.Type == shaders.TypeF32:
			words = append(words, element)
		case i%2 == 0:
			low = element
		default:
			words = append(words, low|element<<16)
		}
	}
	return words
}
