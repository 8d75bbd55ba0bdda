package backend

import (
	"fmt"
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// importance keeps, of each layer, what its last n queries gave every token at
// most, by KV head: codes of 8 bits on the device (package shaders, Importance).
// Query q lies in row q%n, so that a query takes the place of the one that
// leaves.
type importance struct {
	c       *Cache
	buffer  device.Buffer    // [layer][row][KV head][words]; nil: the policy needs none
	queries []int            // observed so far, by layer
	rows    [][]importantRow // [layer][row]
}

// importantRow says which query a row holds.
type importantRow struct {
	query   int // -1: none
	visible int // tokens that the query saw
}

// observation is a query of a call whose probabilities go to a row.
type observation struct{ query, row int }

// observing says which scores a dispatch of record_importance reads: those of one query,
// or of some of its query heads, for some KV heads.
type observing struct {
	vectors  int // query vectors of a KV head in the scores
	from, to int // of these, the ones that count
	heads    int // KV heads
	stride   int // tokens that the scores have room for
	tile     int // query vectors of a tile
	tokens   int // most tokens that a frame may have when the list runs
	join     bool
}

func (c *Cache) newImportance(id uint64) (*importance, error) {
	m := &importance{c: c, queries: make([]int, c.cfg.Layers), rows: make([][]importantRow, c.cfg.Layers)}
	for layer := range m.rows {
		m.rows[layer] = slices.Repeat([]importantRow{{query: -1}}, c.cfg.Window)
	}
	if !c.keepsImportance() {
		return m, nil
	}
	var err error
	m.buffer, err = c.dev.NewBuffer(fmt.Sprintf("importance.%d", id), c.importanceWords(), device.DeviceLocal)
	if err != nil {
		return nil, fmt.Errorf("backend: importance of sequence %d: %w", id, err)
	}
	return m, nil
}

func (m *importance) release() {
	if m.buffer != nil {
		m.buffer.Release()
	}
}

// plan names the queries of a call of a layer that are to be observed, the last
// n of them, and their rows. There are none where nothing keeps importance; the
// list depends on the layer's queries so far in its rows alone.
func (m *importance) plan(layer, queries int) (list []observation) {
	if m.buffer == nil {
		return nil
	}
	n := len(m.rows[layer])
	for q := max(0, queries-n); q < queries; q++ {
		list = append(list, observation{query: q, row: (m.queries[layer] + q) % n})
	}
	return list
}

// frame tells record_importance how many tokens there are, the first one that scores
// hold, and where in the layer's importance a row of a KV head lies.
func (m *importance) frame(tokens, base, row, head int) shaders.ImportanceFrame {
	at := (row*m.c.geo.heads + head) * m.c.importanceHead()
	return shaders.ImportanceFrame{Tokens: uint32(tokens), Base: uint32(base), Importance: uint32(at)}
}

// record records that probabilities go to the row that the frame names. Nothing
// else in the list needs to be ordered with it but what wrote the scores.
func (m *importance) record(l *device.List, layer int, o observing, frame, scores device.View) {
	words := min((o.tokens+3)/4, m.c.importanceHead())
	push := shaders.RecordImportancePush{Vectors: uint32(o.vectors), VectorFirst: uint32(o.from), VectorEnd: uint32(o.to),
		Heads: uint32(o.heads), Stride: uint32(o.stride), HeadStride: uint32(m.c.importanceHead()), Words: uint32(words)}
	if o.join {
		push.Keep = 1
	}
	p := m.c.pipelineOf(shaders.RecordImportance, m.c.cfg.Type, shaders.Setting{Queries: o.tile})
	dispatch(l, p, push.Bytes(), o.heads*words, frame, scores, m.layer(layer, 1))
}

// layer is the view of the importance of layers from the given one on.
func (m *importance) layer(first, layers int) device.View {
	each := m.c.importanceLayer()
	return device.View{Buffer: m.buffer, Offset: first * each, Words: layers * each}
}

// done counts the queries of a call once they were observed: they are those of
// the newest of so many tokens of the layer.
func (m *importance) done(layer, queries, tokens int) {
	n := len(m.rows[layer])
	for i := max(0, queries-n); i < queries; i++ {
		q := m.queries[layer] + i
		m.rows[layer][q%n] = importantRow{q, tokens - queries + i + 1}
	}
	m.queries[layer] += queries
}

// lost says that a call failed: its rows may hold anything.
func (m *importance) lost(layer int, list []observation) {
	for _, o := range list {
		m.rows[layer][o.row].query = -1
	}
}

// seen is how many tokens the last n queries of the layers from..to-1 all saw;
// 0 where there were fewer queries.
func (m *importance) seen(from, to int) int {
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

// forget drops, of each layer, the first query that saw more than the given
// tokens and all after it; the next one observed takes its number.
func (m *importance) forget(tokens int) {
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

// copyTo makes the importance of a new sequence that of this one.
func (m *importance) copyTo(f *importance) error {
	f.queries = slices.Clone(m.queries)
	for layer := range m.rows {
		f.rows[layer] = slices.Clone(m.rows[layer])
	}
	var regions []device.Region
	for layer, rows := range m.rows {
		for row, r := range rows {
			for head := 0; head < m.c.geo.heads && r.query >= 0 && m.buffer != nil; head++ {
				at := layer*m.c.importanceLayer() + (row*m.c.geo.heads+head)*m.c.importanceHead()
				regions = append(regions, device.Region{Src: at, Dst: at, Words: (r.visible + 3) / 4})
			}
		}
	}
	if len(regions) == 0 {
		return nil
	}
	return m.c.run("fork", func(l *device.List) {
		l.Copy(m.buffer, f.buffer, regions...)
		l.Mark("fork")
	})
}
