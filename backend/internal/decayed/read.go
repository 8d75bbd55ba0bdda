package decayed

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Read brings the importance of the first tokens to the host, [layer][token], over its
// mean over the tokens that count for levels; -1 where too few queries saw the token.
// freed are the pages of a layer that a sliding window left behind.
func (m *Importance) Read(tokens int, freed func(layer int) int) ([][]float32, error) {
	words, all := make([][]uint32, len(m.layers)), 0
	for _, h := range m.layers {
		all = max(all, shaders.ImportanceWords(max(tokens, h.old)))
	}
	for from := 0; from < all; {
		to := min(all, from+m.work.Out.Len())
		each := m.work.Out.Len() / (to - from) // layers at once
		for first := 0; first < len(words); first += each {
			if err := m.readPart(words[first:min(first+each, len(words))], first, from, to); err != nil {
				return nil, err
			}
		}
		from = to
	}
	out := make([][]float32, len(words))
	for layer, w := range words {
		out[layer] = m.shares(layer, max(m.First, freed(layer)*m.work.PageTokens), w, tokens)
	}
	return out, nil
}

// readPart appends words from..to-1 of layers from the first one on.
func (m *Importance) readPart(layers [][]uint32, first, from, to int) error {
	n := to - from
	var regions []device.Region
	for i := range layers {
		regions = append(regions, device.Region{Src: (first+i)*m.layerWords() + shaders.ImportanceHeader + from, Dst: i * n, Words: n})
	}
	err := m.work.Run.Run("importance", func(l *device.List) {
		l.Copy(m.buffer, m.work.Out, regions...)
		l.Mark("importance")
	})
	for i := range layers {
		layers[i] = append(layers[i], m.work.Out.Words()[i*n:][:n]...)
	}
	return err
}

// shares are the importance of the first tokens of a layer, in its words, over the mean
// of those that count, from the given one on.
func (m *Importance) shares(layer, from int, words []uint32, tokens int) []float32 {
	h, sum, count := &m.layers[layer], 0.0, 0
	for t := from; t < h.old; t++ {
		if importance, sink := shaders.Importance(words, t); !sink {
			sum += float64(importance)
			count++
		}
	}
	shares, seen := make([]float32, tokens), m.Seen(layer)
	for t := range shares {
		importance, _ := shaders.Importance(words, t)
		switch {
		case t >= seen:
			shares[t] = -1
		case sum > 0:
			shares[t] = float32(float64(importance) * float64(count) / sum)
		}
	}
	return shares
}
