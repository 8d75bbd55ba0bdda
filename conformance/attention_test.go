package conformance

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/shaders"
)

// TestAttentionCasesCover keeps the cases of attention from losing what they
// must contain.
func TestAttentionCasesCover(t *testing.T) {
	cases, err := Cases()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, c := range cases {
		p, a := c.Params, c.Params.Attention
		if a == nil {
			continue
		}
		see := func(present bool, format string, args ...any) {
			if present {
				seen[c.Kernel+" "+fmt.Sprintf(format, args...)] = true
			}
		}
		see(true, "%s %s", p.Type, a.Level)
		see(true, "d%d", p.HeadDim)
		see(true, "bits %s", p.Bits)
		see(true, "a%v", p.Alpha)
		see(true, "%s to %s", p.Type, p.Out)
		see(true, "%s %s", p.Type, p.Data)
		see(true, "queries %s", a.QueryData)
		see(true, "tile %d", a.Tile)
		see(true, "n%d", a.Queries)
		see(true, "g%d", a.PerHead)
		see(len(a.Parts) > 1 && a.Parts[0]%shaders.SplitTokens != 0, "part ends in a split")
		see(a.Slots > 0 && a.Tokens > a.Slots, "ring wraps")
		see(len(a.Parts) == 0 && a.Slots > 0, "ring alone")
		see(a.Base > 0, "base")
		see(a.Window > 0, "window")
		see(a.Cap > 0, "cap")
		see(a.Staged > 0, "staged")
		see(a.Staged > 0 && p.Workgroup%32 != 0, "staged, sums across elements")
		see(a.HeadCount > 0, "some heads")
		see(a.Keep > 0, "keep")
		see(a.Tokens >= 1500, "long")
	}
	for _, m := range attentionMust() {
		assert.True(t, seen[m], m)
	}
}

func attentionMust() []string {
	must := []string{
		"attend window", "attend base", "attend cap", "attend keep", "attend long", "attend some heads", "attend ring wraps", "attend ring alone",
		"splitting base", "splitting window", "splitting cap", "splitting tile 1", "splitting tile 4", "splitting tile 8",
		"softmax window", "softmax base", "record_importance keep", "record_importance some heads", "combine base", "score cap", "score staged",
		"attend staged", "weighted_sum staged", "weighted_sum staged, sums across elements", "weighted_sum_calibrated staged",
		"arrange_calibrated staged", "arrange_means staged", "combine_calibrated staged", "attend_calibrated staged",
	}
	add := func(kernel, format string, values ...any) {
		for _, v := range values {
			must = append(must, kernel+" "+fmt.Sprintf(format, v))
		}
	}
	for _, typ := range []string{"f32", "f16", "bf16"} {
		for _, k := range []string{"score", "weighted_sum", "attend"} {
			add(k, typ+" %s", "head", "layer", "token")
		}
		for _, k := range []string{"score", "weighted_sum"} {
			add(k, typ+" %s", "mixed", "finite", "nan", "infinite", "subnormal", "zeros", "huge", "bits")
		}
		add("attend", typ+" to %s", "f32", "f16", "bf16")
	}
	for _, k := range []string{"score", "weighted_sum"} {
		add(k, "%s", "part ends in a split", "ring wraps", "ring alone", "base", "some heads")
		add(k, "bits %v", 0, 1, 2, 3, 4, 5, 6, 7, 8, 16, "cycle", "rule-paper", "rule-authors")
		add(k, "a%v", 0, 0.01, 0.1)
	}
	for _, k := range []string{"arrange_queries", "score", "weighted_sum", "combine", "attend"} {
		add(k, "d%d", 32, 40, 64, 128, 256)
	}
	for _, k := range []string{"arrange_queries", "softmax", "score", "weighted_sum"} {
		add(k, "tile %d", 1, 2, 4, 8, 16)
	}
	for _, k := range []string{"arrange_queries", "softmax", "combine"} {
		add(k, "n%d", 1, 5, 32)
	}
	for _, k := range []string{"arrange_queries", "softmax", "score", "weighted_sum", "attend"} {
		add(k, "g%d", 1, 3, 4, 32)
	}
	add("arrange_queries", "queries %s", "mixed", "finite", "nan", "infinite", "subnormal", "zeros", "huge", "overflow")
	return append(must, "attend n1", "attend n5", "attend n32", "arrange_queries tile 12", "score tile 12", "weighted_sum tile 12")
}

// attentionControl is small and has every stage.
func attentionControl() Case {
	return Case{Name: "attention control", Kernel: "attend", Seed: 9, Params: Params{
		Type: "f16", Out: "f32", HeadDim: 32, Alpha: 0.1, Lanes: 8, Workgroup: 32, Bits: "cycle", Data: "normal",
		Attention: &Attention{Level: "head", Heads: 2, PerHead: 2, Queries: 2, Tile: 4, Tokens: 20, PageTokens: 4, Parts: []int{8, 16}, Slots: 6, QueryData: "normal"},
	}}
}

// TestAttentionControlsFail flips one bit in what a kernel wrote.
func TestAttentionControlsFail(t *testing.T) {
	c := attentionControl()
	p, expected := expectedOf(t, c)
	offsets, _ := arrange(p)
	for _, name := range []string{"rows", "importance", "queries", "scores", "partials"} {
		t.Run(name, func(t *testing.T) {
			at := 0
			for p.buffers[at].name != name {
				at++
			}
			index := len(p.buffers[at].words) / 2
			r, err := run(t.Context(), faultyDevice{openCPU(t), offsets[at] + index}, []Case{c}, expected, nil)
			require.NoError(t, err)
			require.Len(t, r.Failures, 1)
			assert.Equal(t, name, r.Failures[0].Buffer)
			assert.Equal(t, index, r.Failures[0].Index)
		})
	}
}

// TestAttentionOptionsShow changes what must show: results then differ.
func TestAttentionOptionsShow(t *testing.T) {
	_, expected := expectedOf(t, attentionControl())
	for _, c := range []struct {
		name   string
		change func(*Params)
	}{
		{"soft cap", func(p *Params) { p.Attention.Cap = 30 }},
		{"window", func(p *Params) { p.Attention.Window = 5 }},
		{"scale", func(p *Params) { p.Attention.Scale = 0.17677671 }}, // one unit in the last place away
		{"bits", func(p *Params) { p.Bits = "8" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			other := attentionControl()
			c.change(&other.Params)
			r, err := run(t.Context(), openCPU(t), []Case{other}, expected, nil)
			require.NoError(t, err)
			require.Len(t, r.Failures, 1)
		})
	}
}

// TestBrokenSplittingFails lets one variant see another window.
func TestBrokenSplittingFails(t *testing.T) {
	c := attentionControl()
	c.Kernel = "splitting"
	p, err := c.build()
	require.NoError(t, err)
	words, err := p.reference()
	require.NoError(t, err)
	require.NoError(t, p.holds(words))
	law := p.equal[0]
	words[law.got][law.gotOffset] ^= 1
	assert.ErrorContains(t, p.holds(words), law.what+": rows[12] is ")
}

func TestBadAttentionCases(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Case)
		want   string
	}{
		{"none", func(c *Case) { c.Params.Attention = nil }, "no parameters of attention"},
		{"level", func(c *Case) { c.Params.Attention.Level = "page" }, `level "page"`},
		{"part", func(c *Case) { c.Params.Attention.Parts = []int{6, 16} }, "part 1: tokens 6 to 16: must begin with a page of 4"},
		{"ring", func(c *Case) { c.Params.Attention.Slots = 3 }, "20 tokens, 16 before the end of the pages: at most 3 more"},
		{"queries", func(c *Case) { c.Params.Attention.Queries = 21 }, "20 tokens: 21 queries"},
		{"base", func(c *Case) { c.Params.Attention.Base = 4 }, "multiple of 256"},
		{"heads", func(c *Case) { c.Params.Attention.HeadCount = 3 }, "KV heads 0 to 3: there are 2"},
		{"first", func(c *Case) { c.Params.Attention.First = 4 }, "tokens from 4 stored, scores from 0"},
		{"head dimension", func(c *Case) { c.Params.HeadDim = 36 }, "multiple of 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := attentionControl()
			c.change(&bad)
			_, err := bad.build()
			assert.ErrorContains(t, err, c.want)
		})
	}
}
