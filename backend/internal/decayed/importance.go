package decayed

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Importance is that of a sequence.
type Importance struct {
	*Layout
	buffer device.Buffer
	layers []history
}

// New makes the importance of an empty sequence.
func New(l *Layout, id uint64) (*Importance, error) {
	b, err := l.work.Device.NewBuffer(fmt.Sprintf("importance.%d", id), l.Words(), device.DeviceLocal)
	if err != nil {
		return nil, fmt.Errorf("backend: importance of sequence %d: %w", id, err)
	}
	return &Importance{l, b, make([]history, l.work.Layers)}, nil
}

// Release frees the buffer.
func (m *Importance) Release() { m.buffer.Release() }

// layer is the view of a layer's importance.
func (m *Importance) layer(layer int) device.View {
	each := m.layerWords()
	return device.View{Buffer: m.buffer, Offset: layer * each, Words: each}
}

// Done counts the queries of a call once they were added: they are those of the
// newest of so many tokens of the layer.
func (m *Importance) Done(layer, queries, tokens int) {
	m.layers[layer].add(m.block, queries, tokens, m.needed())
}

// Lost says that a call failed: the layer begins anew.
func (m *Importance) Lost(layer int) { m.layers[layer].lose(m.block) }

// Seen is how many tokens of a layer as many queries saw as levels ask for.
func (m *Importance) Seen(layer int) int { return m.layers[layer].seen(m.needed()) }

// EffectiveQueries are the queries of a layer so far, each at what is left of its
// squared probabilities.
func (m *Importance) EffectiveQueries(layer int) float64 { return m.layers[layer].effective }

// Forget drops the tokens from the given number on. What their queries gave to
// earlier tokens stays, and so do those queries in all counts: it decays with the
// rest, and speculation that is taken back cannot overflow a word.
func (m *Importance) Forget(tokens int) {
	for i := range m.layers {
		m.layers[i].forget(tokens)
	}
}

// CopyTo makes the importance of a new sequence that of this one.
func (m *Importance) CopyTo(f *Importance) error {
	var regions []device.Region
	for i, h := range m.layers {
		f.layers[i] = h
		f.layers[i].saw = slices.Clone(h.saw)
		if at := i*m.layerWords() + shaders.ImportanceHeader; h.old > 0 {
			regions = append(regions, device.Region{Src: at, Dst: at, Words: shaders.ImportanceWords(h.old)})
		}
	}
	if len(regions) == 0 {
		return nil
	}
	return m.work.Run.Run("fork", func(l *device.List) {
		l.Copy(m.buffer, f.buffer, regions...)
		l.Mark("fork")
	})
}
