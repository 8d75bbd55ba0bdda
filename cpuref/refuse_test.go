package cpuref

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// call is a dispatch that succeeds until a case changes it.
type call struct {
	kernel  string
	spec    shaders.Spec
	push    []uint32
	buffers [][]uint32
}

func (c call) run() error {
	k := shaders.ByName(c.kernel)
	return Run(k, c.spec.Words(k), pushOf(c.push), 1, c.buffers)
}

func pushOf(words []uint32) []byte {
	var out []byte
	for _, w := range words {
		out = append(out, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	return out
}

// goodCalls has one dispatch of every kernel that works on groups, of two
// groups of 32 f16 elements with one low outlier.
func goodCalls(t testing.TB) map[string]call {
	l := shaders.Layout{Type: shaders.TypeF16, HeadDim: 32, Rows: 1, Low: 1}
	spec := specOf(l, shaders.TypeF32)
	rows := f32s(l.Type, append(ramp(32), ramp(32)...)...)
	page := encodePage(t, l, rows, []uint8{3, shaders.Raw})
	size, more := uint32(len(page)), uint32(l.PageWords([]uint8{5, shaders.Raw}))
	slots, e := encode(t, l, rows, []uint8{3, 16})
	spec.Queries = 4
	ring := spec
	ring.Ring = 1
	frame, stored := []uint32{2, 0, 0, 2}, []uint32{2, 0, 0, 2, 0, 0}
	half := math.Float32bits(0.5)
	chances := []uint32{half, half, half, half, half, half, half, half}
	page, pageRoom, moreRoom := whole(page), shaders.AlignWords(int(size)), shaders.AlignWords(int(more))
	return map[string]call{
		"convert": {"convert", spec, []uint32{2, 1, 0, 16, 0, 32, 0, 0, 0, 0}, [][]uint32{rows, make([]uint32, 64), {0}}},
		"convert/ring": {"convert", spec, []uint32{2, 1, 4, 16, 0, 32, 2, 0, 1, 1},
			[][]uint32{append([]uint32{5, 0, 0, 0}, rows...), make([]uint32, 64), {0}}},
		"encode": {"encode", spec, []uint32{2, 2, 1, 16, 4, 20, 0, 0, 8, 0},
			[][]uint32{rows, {0, 0}, make([]uint32, 4+2*20), {3, 16}}},
		"pack": {"pack", spec, []uint32{2, e.SlotBase, e.SlotWords},
			[][]uint32{slots[:len(slots)-4], {0, 0, 5, size, 0, 0xf3}, make([]uint32, pageRoom)}},
		"repack":          {"repack", spec, []uint32{2}, [][]uint32{page, {0, 0, 4, size, 0xf3}, make([]uint32, pageRoom)}},
		"promote":         {"promote", spec, []uint32{2}, [][]uint32{page, {0, 0, 5, more, 0, 0xf5}, {1, 2, 3, 4}, make([]uint32, moreRoom)}},
		"decode":          {"decode", spec, []uint32{2, 2, 1, 32, 0, 1}, [][]uint32{page, {0, 0}, make([]uint32, 64)}},
		"choose_bits":     {"choose_bits", spec, []uint32{2, 2, 1, 0, 8, 0}, [][]uint32{page, {0, 2, 0}, make([]uint32, 2), {0, 0}}},
		"arrange_queries": {"arrange_queries", spec, []uint32{4, 1, 4, 4, 0, half}, [][]uint32{make([]uint32, 64), make([]uint32, 132)}},
		"score": {"score", spec, []uint32{4, 1, 2, 2, 1, 0, 0, 0, 0, 0, 0},
			[][]uint32{page, stored, make([]uint32, 132), make([]uint32, 8)}},
		"score/ring": {"score", ring, []uint32{4, 1, 2, 0, 0, 0, 2, 16, 0, half, half},
			[][]uint32{rows, frame, make([]uint32, 132), make([]uint32, 8)}},
		"softmax":               {"softmax", spec, []uint32{4, 1, 4, 2, 0}, [][]uint32{frame, append(slices.Clone(chances), 0, 0, 0, 0)}},
		"record_importance":     {"record_importance", spec, []uint32{4, 0, 4, 1, 2, 1, 1, 0}, [][]uint32{append(slices.Clone(frame), 0), chances, make([]uint32, 1)}},
		"reduce_importance":     {"reduce_importance", spec, []uint32{1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 0}, [][]uint32{{0, 0, 0, 2}, {5}, make([]uint32, 2)}},
		"accumulate_importance": {"accumulate_importance", spec, []uint32{4, 2, 0, 2, 1, 2, 32, 21}, [][]uint32{{2, 0, 1, 0, 2, 0, 1}, append(slices.Clone(chances), half, half, half, half), make([]uint32, 18), make([]uint32, 4)}},
		"normalize_importance":  {"normalize_importance", spec, []uint32{9, 0}, [][]uint32{{1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 2, 2, 4}, make([]uint32, 18)}},
		"choose_levels":         {"choose_levels", spec, []uint32{0, 2, 2, 0, 3}, [][]uint32{{0, 0, 2}, make([]uint32, 17), make([]uint32, 2)}},
		"weighted_sum":          {"weighted_sum", spec, []uint32{4, 1, 2, 2, 1, 0, 0, 0, 0}, [][]uint32{page, stored, chances, make([]uint32, 128)}},
		"weighted_sum/ring":     {"weighted_sum", ring, []uint32{4, 1, 2, 0, 0, 0, 2, 16, 0}, [][]uint32{rows, frame, chances, make([]uint32, 128)}},
		"combine":               {"combine", spec, []uint32{4, 1, 4, 4, 0}, [][]uint32{frame, make([]uint32, 128), make([]uint32, 128)}},
	}
}

func TestKernelsRefuseShortBuffers(t *testing.T) {
	for name, c := range goodCalls(t) {
		require.NoError(t, c.run(), name)
		for i, b := range c.buffers {
			for n := range b {
				short := c
				short.buffers = slices.Clone(c.buffers)
				short.buffers[i] = b[:n]
				err := short.run()
				require.Error(t, err, "%s: %s of %d words", name, shaders.ByName(c.kernel).Bindings[i].Name, n)
				require.ErrorContains(t, err, c.kernel)
			}
		}
	}
}

func TestKernelsRefuseBadArguments(t *testing.T) {
	cases := []struct {
		name, kernel string
		change       func(*call)
		want         string
	}{
		{"type", "decode", func(c *call) { c.spec.Type = 3 }, "type 3"},
		{"output type", "decode", func(c *call) { c.spec.OutType = 3 }, "output type 3"},
		{"convert's output type", "convert", func(c *call) { c.spec.OutType = 3 }, "type 3"},
		{"head dimension", "encode", func(c *call) { c.spec.HeadDim = 33 }, "head dimension 33"},
		{"outliers", "pack", func(c *call) { c.spec.High = 31 }, "1 + 31 outliers"},
		{"large outliers", "repack", func(c *call) { c.spec.High = 0xffffffff }, "4294967295 outliers"},
		{"no rows a token", "convert", func(c *call) { c.push[1] = 0 }, "0 rows a token"},
		{"tokens of a ring", "convert", func(c *call) { c.push[6] = 1 }, "2 tokens round a ring of 1"},
		{"first token out of range", "convert", func(c *call) { c.push[8] = 100 }, "src[99]"},
		{"no groups a job", "encode", func(c *call) { c.push[1] = 0 }, "0 groups a job"},
		{"no groups a token", "decode", func(c *call) { c.push[2] = 0 }, "0 a token"},
		{"half a token", "choose_bits", func(c *call) { c.push[1], c.push[2] = 3, 2 }, "whole tokens"},
		{"slots over bits", "encode", func(c *call) { c.push[4] = 1 }, "slots from word 1"},
		{"small slots", "encode", func(c *call) { c.push[5] = 16 }, "slots of 16 words"},
		{"small slots to pack", "pack", func(c *call) { c.push[2] = 16 }, "slots of 16 words"},
		{"place of slots", "encode", func(c *call) { c.push[4] = 6 }, "slots from word 6"},
		{"place of slots to pack", "pack", func(c *call) { c.push[1] = 6 }, "slots from word 6"},
		{"size of slots", "encode", func(c *call) { c.push[5] = 22 }, "slots from word 4, of 22"},
		{"place of a packed page", "pack", func(c *call) { c.buffers[1][1] = 2 }, "place pages[2]"},
		{"place of an old page", "repack", func(c *call) { c.buffers[1][0] = 3 }, "place src[3]"},
		{"place of a new page", "promote", func(c *call) { c.buffers[1][1] = 1 }, "place dst[1]"},
		{"place of supply", "promote", func(c *call) { c.buffers[1][4] = 2 }, "place supply[2]"},
		{"place of a decoded page", "decode", func(c *call) { c.buffers[1][0] = 1 }, "place pages[1]"},
		{"place of a decided page", "choose_bits", func(c *call) { c.buffers[1][0] = 2 }, "place pages[2]"},
		{"part of 128 bits", "encode", func(c *call) { c.buffers[2] = make([]uint32, 49) }, "slots of 49 words"},
		{"rule", "encode", func(c *call) { c.push[6] = 2 }, "rule 2"},
		{"wanted bits", "encode", func(c *call) { c.buffers[3][0] = 9 }, "bits 9 of group 0"},
		{"most bits", "choose_bits", func(c *call) { c.push[4] = 12 }, "bits from 0 to 12"},
		{"least bits", "choose_bits", func(c *call) { c.push[3], c.push[4] = 9, 16 }, "bits from 9 to 16"},
		{"order of bits", "choose_bits", func(c *call) { c.push[3], c.push[4] = 5, 4 }, "bits from 5 to 4"},
		{"rows of a group", "decode", func(c *call) { c.push[4] = 1 }, "1 rows from row 1"},
		{"rows that overflow", "decode", func(c *call) { c.push[4] = 0xffffffff }, "rows from row 4294967295"},
		{"bits of a page", "repack", func(c *call) { c.buffers[1][4] = 0xfa }, "bits of group 0"},
		{"size of a page", "pack", func(c *call) { c.buffers[1][3]++ }, "its groups need"},
		{"more bits without supply", "repack", func(c *call) {
			c.buffers[1][4], c.buffers[1][3], c.buffers[2] = 0xf4, c.buffers[1][3]+1, make([]uint32, 100)
		}, "group 0 has 3 bits"},
		{"no page there", "decode", func(c *call) { c.buffers[1][0] = 4 }, "invalid page: magic"},
		{"other number of groups", "decode", func(c *call) { c.push[0], c.push[1] = 1, 1 }, "2 groups: must be 1"},
		{"outlier outside", "decode", func(c *call) { c.buffers[0][8] = 0xff }, "outlier 0 of group 0: index 255"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			good := goodCalls(t)[c.kernel]
			c.change(&good)
			assert.ErrorContains(t, good.run(), c.want)
		})
	}
}

func TestSupplyRefusesBadArguments(t *testing.T) {
	l := smallLayout()
	good, raw := []uint32{0x3c000000}, make([]uint32, 20)
	out := make([]uint32, 20)
	cases := []struct {
		name        string
		ranges, row []uint32
		from, to    uint8
		room        int
		want        string
	}{
		{"range", nil, raw, 1, 2, 20, "range of 0 words"},
		{"rows", good, raw[:19], 1, 2, 20, "rows of 19 words"},
		{"bits", good, raw, 1, 9, 20, "from 1 to 9 bits"},
		{"room", good, raw, 0, 8, 9, "room for 9 words: must be 10"},
		{"group", []uint32{0xfc007c00}, raw, 0, 8, 20, "cannot be quantized"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Supply(l, c.ranges, c.row, c.from, c.to, out[:c.room])
			assert.ErrorContains(t, err, c.want)
		})
	}
	n, err := Supply(l, good, raw, 8, 2, nil)
	assert.NoError(t, err)
	assert.Zero(t, n)
}

// FuzzRun changes one word of a dispatch that works: no kernel panics.
func FuzzRun(f *testing.F) {
	names := slices.Sorted(maps.Keys(goodCalls(f)))
	for i := range names {
		f.Add(uint8(i), uint8(1), uint8(0), uint32(5))
		f.Add(uint8(i), uint8(2), uint8(3), uint32(0xffffffff))
	}
	f.Fuzz(func(t *testing.T, kernel, where, at uint8, word uint32) {
		c := goodCalls(t)[names[int(kernel)%len(names)]]
		for i, b := range c.buffers {
			c.buffers[i] = slices.Clone(b)
		}
		parts := append([][]uint32{c.push}, c.buffers...)
		part := parts[int(where)%len(parts)]
		// A dispatch of billions of rows onto or from one would only take long.
		if (c.kernel == "convert" || c.kernel == "reduce_importance") && int(where)%len(parts) == 0 {
			word %= 1000
		}
		part[int(at)%len(part)] = word
		_ = c.run()
	})
}
