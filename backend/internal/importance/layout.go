// Package importance keeps what attention gave every token: of each layer and KV
// head, the largest probabilities of the last n queries, one byte each on the
// device. Attention records it; kernels reduce it to the weights of groups.
package importance

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/policy"
)

// Layout says where the importance of a sequence lies in its buffer,
// [layer][row][KV head][words]: a row is a query, and a word has four tokens.
type Layout struct {
	work *core.Work
	Kept bool // the policy needs importance
}

// NewLayout refuses what kernels cannot see or reduce at once.
func NewLayout(w *core.Work, kept bool) (*Layout, error) {
	l := &Layout{w, kept}
	if !kept {
		return l, nil
	}
	if n := w.Queries * w.Layout.Rows; n > maxReduced {
		return nil, fmt.Errorf("backend: %d queries: importance of %d rows of a group: must be at most %d: %w", w.Queries, n, maxReduced, policy.ErrConfig)
	}
	return l, w.CheckView("importance", w.Layers/w.LayerGroups*l.layerWords())
}

// maxReduced is how many codes a weight is the largest of at most: what every
// driver runs in one invocation.
const maxReduced = 1 << 15

// headWords are the words of a KV head in a row.
func (l *Layout) headWords() int { return (l.work.Capacity + 3) / 4 }

// layerWords are the words of a layer: a multiple of what aligns a view.
func (l *Layout) layerWords() int {
	return core.RoundUp(l.work.Queries*l.work.KVHeads*l.headWords(), l.work.Limits.ViewAlign)
}

// Words are the words of a sequence's importance.
func (l *Layout) Words() int {
	if !l.Kept {
		return 0
	}
	return l.work.Layers * l.layerWords()
}

// Bytes are the bytes of importance of so many tokens.
func (l *Layout) Bytes(tokens int) int64 {
	if !l.Kept {
		return 0
	}
	return int64(l.work.Queries*l.work.Layers*l.work.KVHeads) * int64(tokens)
}

// viewLayers are the layers whose importance a dispatch sees at once.
func (l *Layout) viewLayers() int {
	if !l.Kept {
		return l.work.Layers
	}
	return min(l.work.Layers, max(1, l.work.Limits.ViewWords/l.layerWords()))
}

// viewOf is the number of the view that a layer group's importance lies in.
func (l *Layout) viewOf(layerGroup int) int {
	from, _ := l.work.LayersOf(layerGroup)
	return from / l.viewLayers()
}

// EndsView tells whether a layer group is the last of its view: one dispatch
// reduces the importance of layer groups of one view.
func (l *Layout) EndsView(layerGroup int) bool {
	return layerGroup == l.work.LayerGroups-1 || l.viewOf(layerGroup) != l.viewOf(layerGroup+1)
}
