package importance

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/shaders"
)

// Read brings the importance of the groups of a layer group to the host,
// [token][group of a token], -1 where too few queries saw the token.
func (m *Importance) Read(layerGroup, tokens int) ([]float32, error) {
	out := make([]float32, 0, tokens*m.work.TokenGroups)
	return out, m.read(m.pagesOf(layerGroup, tokens), func(weight float32) { out = append(out, weight) })
}

// ReadAll brings the importance of tokens to the host, [layer group][token]: the most
// of a token's groups, -1 where too few queries saw it.
func (m *Importance) ReadAll(tokens int) ([][]float32, error) {
	w := m.work
	out := make([][]float32, w.LayerGroups)
	var list []pages.ID
	for lg, begin := 0, 0; lg < w.LayerGroups; lg++ {
		out[lg] = make([]float32, tokens)
		if list = append(list, m.pagesOf(lg, tokens)...); !m.EndsView(lg) {
			continue
		}
		i := 0
		err := m.read(list, func(weight float32) {
			group := i % (tokens * w.TokenGroups)
			at := &out[begin+i/(tokens*w.TokenGroups)][group/w.TokenGroups]
			if *at = max(*at, weight); group%w.TokenGroups == 0 {
				*at = weight
			}
			i++
		})
		if err != nil {
			return nil, err
		}
		list, begin = list[:0], lg+1
	}
	return out, nil
}

// pagesOf are the pages of the first tokens of a layer group.
func (m *Importance) pagesOf(layerGroup, tokens int) (list []pages.ID) {
	for page := range tokens / m.work.PageTokens {
		list = append(list, pages.ID{LayerGroup: layerGroup, Page: page})
	}
	return list
}

// read gives the weights of the groups of pages of one view, in parts that the
// buffers hold.
func (m *Importance) read(list []pages.ID, take func(weight float32)) error {
	w := m.work
	for len(list) > 0 {
		n := core.Most(len(list), func(n int) bool {
			return n*w.PageGroups <= w.Out.Len() && n*shaders.WeightJobWords <= w.Plan.Len()
		})
		words := n * w.PageGroups
		err := w.Run.Run("reduce_importance", func(l *device.List) {
			plan := w.PlanRoom()
			m.Reduce(l, list[:n], plan.Put(m.AppendJobs(nil, list[:n])), 0, device.View{Buffer: w.Out, Words: words}, false)
			l.Check(plan.Err())
			l.Mark("reduce_importance")
		})
		if err != nil {
			return err
		}
		for _, word := range w.Out.Words()[:words] {
			take(math.Float32frombits(word))
		}
		list = list[n:]
	}
	return nil
}
