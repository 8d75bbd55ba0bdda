package importance

import (
	"fmt"
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Importance is that of a sequence. Query q of a layer lies in row q mod n, so
// that a query takes the place of the one that leaves.
type Importance struct {
	*Layout
	buffer  device.Buffer // nil: the policy needs none
	queries []int         // recorded so far, by layer
	rows    [][]row       // [layer][row]
}

// row says which query a row holds.
type row struct {
	query   int // -1: none
	visible int // tokens that the query saw
}

// New makes the importance of an empty sequence.
func New(l *Layout, id uint64) (*Importance, error) {
	m := &Importance{Layout: l, queries: make([]int, l.work.Layers), rows: make([][]row, l.work.Layers)}
	for layer := range m.rows {
		m.rows[layer] = slices.Repeat([]row{{query: -1}}, l.work.Queries)
	}
	if !l.Kept {
		return m, nil
	}
	var err error
	m.buffer, err = l.work.Device.NewBuffer(fmt.Sprintf("importance.%d", id), l.Words(), device.DeviceLocal)
	if err != nil {
		return nil, fmt.Errorf("backend: importance of sequence %d: %w", id, err)
	}
	return m, nil
}

// Release frees the buffer.
func (m *Importance) Release() {
	if m.buffer != nil {
		m.buffer.Release()
	}
}

// Queries are the queries recorded so far of some layers, from and up to.
func (m *Importance) Queries(from, to int) (n int) {
	for _, q := range m.queries[from:to] {
		n += q
	}
	return n
}

// recordedFrom is the first of so many queries of a call that is recorded: the last n
// are.
func (m *Importance) recordedFrom(layer, queries int) int { return max(0, queries-len(m.rows[layer])) }

// rowOf is the row that a query of the next call goes to.
func (m *Importance) rowOf(layer, query int) int {
	return (m.queries[layer] + query) % len(m.rows[layer])
}

// frame tells the kernel how many tokens there are, the first one that scores
// hold, and where in the layer's importance a row of a KV head lies.
func (m *Importance) frame(tokens, base, row, head int) shaders.ImportanceFrame {
	at := (row*m.work.KVHeads + head) * m.headWords()
	return shaders.ImportanceFrame{Tokens: uint32(tokens), Base: uint32(base), Importance: uint32(at)}
}

// layer is the view of the importance of layers from the given one on.
func (m *Importance) layer(first, layers int) device.View {
	each := m.layerWords()
	return device.View{Buffer: m.buffer, Offset: first * each, Words: layers * each}
}

// Done counts the queries of a call once they were recorded: they are those of
// the newest of so many tokens of the layer.
func (m *Importance) Done(layer, queries, tokens int) {
	for i := m.recordedFrom(layer, queries); i < queries; i++ {
		m.rows[layer][m.rowOf(layer, i)] = row{m.queries[layer] + i, tokens - queries + i + 1}
	}
	m.queries[layer] += queries
}

// lost says that a call failed: the rows of its queries from..to-1 may hold anything.
func (m *Importance) lost(layer, from, to int) {
	for q := from; q < to; q++ {
		m.rows[layer][m.rowOf(layer, q)].query = -1
	}
}

// Seen is how many tokens the last n queries of the layers from..to-1 all saw;
// 0 where there were fewer queries.
func (m *Importance) Seen(from, to int) int {
	seen := math.MaxInt
	for _, rows := range m.rows[from:to] {
		for _, r := range rows {
			if r.query < 0 {
				return 0
			}
			seen = min(seen, r.visible)
		}
	}
	return seen
}

// Held is how many queries of a layer have a row.
func (m *Importance) Held(layer int) (n int) {
	for _, r := range m.rows[layer] {
		if r.query >= 0 {
			n++
		}
	}
	return n
}

// Forget drops, of each layer, the first query that saw more than the given
// tokens and all after it; the next one recorded takes its number.
func (m *Importance) Forget(tokens int) {
	for layer, rows := range m.rows {
		first := m.queries[layer]
		for _, r := range rows {
			if r.query >= 0 && r.visible > tokens {
				first = min(first, r.query)
			}
		}
		for i, r := range rows {
			if r.query >= first {
				rows[i].query = -1
			}
		}
		m.queries[layer] = first
	}
}

// CopyTo makes the importance of a new sequence that of this one.
func (m *Importance) CopyTo(f *Importance) error {
	f.queries = slices.Clone(m.queries)
	for layer := range m.rows {
		f.rows[layer] = slices.Clone(m.rows[layer])
	}
	var regions []device.Region
	for layer, rows := range m.rows {
		for i, r := range rows {
			for head := 0; head < m.work.KVHeads && r.query >= 0 && m.buffer != nil; head++ {
				at := layer*m.layerWords() + (i*m.work.KVHeads+head)*m.headWords()
				regions = append(regions, device.Region{Src: at, Dst: at, Words: (r.visible + 3) / 4})
			}
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
