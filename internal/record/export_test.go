package record

import (
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/calibrate"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
	"github.com/qaqvk/qaqvk/internal/model"
)

// RoPE is what a Turning says.
func (t Turning) RoPE() (profile.RoPE, string) { return t.rope() }

// Sum adds the rows of a window that was begun to a Collector.
func Sum(c *calibrate.Collector, s kvbuffer.Shape, rows func(layer int) (q, k, v []float32)) {
	var sharer model.Sharer
	for layer := range s.Layers {
		q, k, v := rows(layer)
		sharer.Shares(model.Config{QueryHeads: s.QueryHeads, KVHeads: s.KVHeads, HeadDim: s.HeadDim}, model.Attention{}, q, k,
			func(shares []float32) { c.Attended(layer, shares) })
		c.Add(model.LayerGradients{Layer: layer, Q: q, K: k, V: v})
	}
}
