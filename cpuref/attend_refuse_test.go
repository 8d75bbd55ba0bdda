package cpuref

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAttentionRefusesBadArguments(t *testing.T) {
	const inf = 0x7f800000
	cases := []struct {
		name, call string
		change     func(*call)
		want       string
	}{
		{"type of queries", "arrange_queries", func(c *call) { c.spec.Type = 3 }, "type 3"},
		{"tile", "arrange_queries", func(c *call) { c.spec.Queries = 3 }, "3 query vectors a tile"},
		{"tile to score", "score", func(c *call) { c.spec.Queries = 32 }, "32 query vectors a tile"},
		{"no query heads", "arrange_queries", func(c *call) { c.push[2] = 0 }, "0 query heads a KV head"},
		{"query heads", "softmax", func(c *call) { c.push[2] = 33 }, "33 query heads a KV head"},
		{"half a query", "combine", func(c *call) { c.push[2] = 3 }, "4 query vectors, 3 query heads"},
		{"scale", "arrange_queries", func(c *call) { c.push[5] = inf }, "scale +Inf"},
		{"soft cap", "score", func(c *call) { c.push[9] = inf }, "soft cap +Inf"},
		{"inverse of the soft cap", "score", func(c *call) { c.push[10] = inf | 1 }, "inverse NaN"},
		{"base", "score", func(c *call) { c.buffers[1][1] = 8 }, "scores from token 8"},
		{"base behind the end", "combine", func(c *call) { c.buffers[0][1] = 256 }, "scores from token 256: there are 2"},
		{"end", "weighted_sum", func(c *call) { c.buffers[1][3] = 3 }, "tokens 0 to 3"},
		{"first", "record_importance", func(c *call) { c.buffers[0][2] = 3 }, "tokens 3 to 2"},
		{"ring", "score", func(c *call) { c.spec.Ring = 2 }, "ring 2"},
		{"slots", "weighted_sum/ring", func(c *call) { c.push[6] = 1 }, "2 tokens of a recent window of 1"},
		{"place of slots", "score/ring", func(c *call) { c.push[8] = 2 }, "rows from word 2"},
		{"size of slots", "weighted_sum/ring", func(c *call) { c.push[7] = 18 }, "18 a token"},
		{"tokens of a page", "score", func(c *call) { c.push[3] = 0 }, "pages of 0 tokens"},
		{"groups of a page", "weighted_sum", func(c *call) { c.push[3] = 1 }, "2 groups: must be 1"},
		{"groups of a token", "weighted_sum", func(c *call) { c.push[4], c.push[5] = 2, 2 }, "1 groups from group 2: a token has 2"},
		{"groups of more rows", "weighted_sum", func(c *call) { c.spec.Rows, c.push[4] = 2, 2 }, "2 groups a token of 2 rows"},
		{"rows of a group", "score", func(c *call) { c.push[5] = 1 }, "1 rows from row 1: a group has 1"},
		{"place of a K page", "score", func(c *call) { c.buffers[1][4] = 2 }, "place pages[2]"},
		{"place of a V page", "weighted_sum", func(c *call) { c.buffers[1][5] = 3 }, "place pages[3]"},
		{"no page there", "weighted_sum", func(c *call) { c.buffers[1][5] = 4 }, "invalid page: magic"},
		{"outlier outside", "score", func(c *call) { c.buffers[0][8] = 0xff }, "score: outlier 0 of group 0: index 255"},
		{"outlier outside in V", "weighted_sum", func(c *call) { c.buffers[0][8] = 0xff }, "weighted_sum: outlier 0 of group 0: index 255"},
		{"stride", "score", func(c *call) { c.push[2] = 1 }, "scores of 1 tokens: there are 2"},
		{"stride of softmax", "softmax", func(c *call) { c.push[3] = 1 }, "scores of 1 tokens: there are 2"},
		{"stride to observe", "record_importance", func(c *call) { c.push[4] = 0 }, "scores of 0 tokens: there are 2"},
		{"stride of weighted_sum", "weighted_sum", func(c *call) { c.push[2] = 1 }, "scores of 1 tokens: there are 2"},
		{"queries", "softmax", func(c *call) { c.push[2] = 1 }, "4 queries: there are 2 tokens"},
		{"seen before base", "softmax", func(c *call) {
			c.buffers[0], c.push[4] = []uint32{300, 256, 0, 300}, 45
		}, "scores from token 256: query 0 sees token 255"},
		{"first vector", "record_importance", func(c *call) { c.push[1] = 5 }, "vectors 5 to 4"},
		{"last vector", "record_importance", func(c *call) { c.push[2] = 5 }, "vectors 0 to 5: there are 4"},
		{"keep", "record_importance", func(c *call) { c.push[7] = 2 }, "keep 2"},
		{"words of a head", "record_importance", func(c *call) { c.push[3], c.push[5] = 2, 0 }, "1 words of a KV head: they lie 0 apart"},
		{"tile to observe", "record_importance", func(c *call) { c.spec.Queries = 0 }, "0 query vectors a tile"},
		{"tile of softmax", "softmax", func(c *call) { c.spec.Queries = 5 }, "5 query vectors a tile"},
		{"tile of weighted_sum", "weighted_sum", func(c *call) { c.spec.Queries = 6 }, "6 query vectors a tile"},
		{"staged tiles", "score", func(c *call) { c.spec.Staged = 1 << 20 }, "1048576 staged tiles of"},
		{"staged tile", "score", func(c *call) { c.spec.Staged, c.spec.HeadDim, c.spec.Queries = 1, 256, 16 }, "1 staged tiles of 4224 words: must be at most 4096 words"},
		{"query heads of a row", "arrange_queries", func(c *call) { c.push[3] = 3 }, "1 KV heads of 4 query heads: a query has 3"},
		{"query heads of an output row", "combine", func(c *call) { c.push[3] = 3 }, "a query has 3"},
		{"part of 128 bits of scores", "score", func(c *call) { c.buffers[3] = make([]uint32, 9) }, "scores of 9 words"},
		{"part of 128 bits of probabilities", "weighted_sum", func(c *call) { c.buffers[2] = make([]uint32, 9) }, "scores of 9 words"},
		{"one", "reduce_importance", func(c *call) { c.push[10] = 2 }, "one 2"},
		{"half a token", "reduce_importance", func(c *call) { c.push[2], c.push[3] = 3, 2 }, "whole tokens"},
		{"half a query to add", "accumulate_importance", func(c *call) { c.push[1] = 3 }, "4 query vectors, 3 query heads"},
		{"first query to add", "accumulate_importance", func(c *call) { c.push[2] = 3 }, "queries 3 to 2"},
		{"last query to add", "accumulate_importance", func(c *call) { c.push[3] = 3 }, "queries 0 to 3: there are 2"},
		{"KV heads to add", "accumulate_importance", func(c *call) { c.push[4] = 0 }, "no KV heads"},
		{"stride to add", "accumulate_importance", func(c *call) { c.push[5] = 1 }, "scores of 1 tokens: there are 2"},
		{"blocks", "accumulate_importance", func(c *call) { c.push[6] = 0 }, "blocks of no query"},
		{"fraction", "accumulate_importance", func(c *call) { c.push[7] = 25 }, "25 bits behind the point: must be at most 24"},
		{"base to add", "accumulate_importance", func(c *call) { c.buffers[0][1] = 8 }, "scores from token 8"},
		{"part of 128 bits of probabilities to add", "accumulate_importance", func(c *call) { c.buffers[1] = make([]uint32, 9) }, "scores of 9 words"},
		{"age", "accumulate_importance", func(c *call) { c.buffers[0][4] = 1 }, "queries to 2: their blocks end with 1"},
		{"level of the mean", "choose_levels", func(c *call) { c.push[4] = 10 }, "level 10 of the mean: must be 0 to 9"},
		{"tokens of a job", "choose_levels", func(c *call) { c.push[2] = 0 }, "whole tokens"},
		{"output type", "combine", func(c *call) { c.spec.OutType = 3 }, "output type 3"},
		{"more than all memory", "score", func(c *call) { c.push[1], c.push[4] = 0xffffffff, 0xffffffff }, "score"},
		{"more rows than all memory", "combine", func(c *call) { c.push[0], c.push[1] = 0xfffffffc, 0xffffffff }, "partials"},
		{"strides over all memory", "softmax", func(c *call) {
			c.push[0], c.push[1], c.push[3] = 4, 0xffffffff, 0xffffffff
		}, "scores"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			good := goodCalls(t)[c.call]
			c.change(&good)
			assert.ErrorContains(t, good.run(), c.want)
		})
	}
}

// TestAttentionOverNothing has no vectors, or tokens that scores do not hold.
func TestAttentionOverNothing(t *testing.T) {
	for name, c := range goodCalls(t) {
		switch c.kernel {
		case "arrange_queries", "score", "softmax", "weighted_sum", "combine":
			c.push[0] = 0
			assert.NoError(t, c.run(), name)
		}
	}
	for _, name := range []string{"score/ring", "weighted_sum/ring", "score", "weighted_sum"} {
		c := goodCalls(t)[name]
		copy(c.buffers[1], []uint32{300, 256, 0, 2})
		c.buffers[2], c.buffers[3] = make([]uint32, 132), guarded(8)
		assert.NoError(t, c.run(), name)
		same(t, guarded(8), c.buffers[3], name)
	}
}
