package kvbuffer_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// host does at random what llama.cpp does with a context of several streams, or of one
// that several texts may share.
type host struct {
	*memory
	r    *rand.Rand
	live []map[int32]bool // cells that the text of each stream has
}

// free returns n cells of a stream that have no token, first ones first.
func (h *host) free(s, n int) (out []int32) {
	for c := int32(0); c < cells && len(out) < n; c++ {
		if !h.live[s][c] {
			out = append(out, c)
		}
	}
	return out
}

// decode runs a graph for some streams that stand beside one another.
func (h *host) decode() {
	first := h.r.IntN(h.streams)
	order := []int{first}
	if h.r.IntN(2) == 0 && first+1 < h.streams {
		order = append(order, first+1)
	}
	n, batches := 1+h.r.IntN(4), map[int][]int32{}
	for _, s := range order {
		if batches[s] = h.free(s, n); len(batches[s]) < n {
			return
		}
	}
	masks := h.masks(order, batches)
	for l := range layers {
		h.write(h.r, l, batches, order)
		h.attend(h.r, l, order, n, masks)
		if h.r.IntN(40) == 0 {
			break // a graph that is given up
		}
		if l == layers-1 {
			for _, s := range order {
				for _, c := range batches[s] {
					h.live[s][c] = true
				}
			}
		}
	}
}

// masks are those of texts, token after token.
func (h *host) masks(order []int, batches map[int][]int32) map[int]kvbuffer.Mask {
	out := map[int]kvbuffer.Mask{}
	for _, s := range order {
		out[s] = maskOf(h.live[s], batches[s])
	}
	return out
}

// act does one thing.
func (h *host) act() {
	s := h.r.IntN(h.streams)
	switch k := keys(h.live[s]); h.r.IntN(12) {
	case 0: // rewind
		for _, c := range k[len(k)-min(len(k), h.r.IntN(9)):] {
			delete(h.live[s], c)
		}
	case 1: // remove some of the middle
		if len(k) > 8 && h.r.IntN(3) == 0 {
			for _, c := range k[3:6] {
				delete(h.live[s], c)
			}
		}
	case 2:
		h.copyStream(s)
	case 3:
		h.restore(s)
	case 4:
		h.shift(s, k)
	case 5: // save
		l, kind := h.r.IntN(layers), h.r.IntN(2)
		for _, c := range k {
			h.requireBytes(h.tensor(l, kind)+(s*cells+int(c))*rowBytes, rowBytes)
		}
	default:
		h.decode()
	}
}

// copyStream copies a stream to another, by all tensors or only some.
func (h *host) copyStream(s int) {
	to, n := h.r.IntN(h.streams), cells*rowBytes
	if to == s {
		return
	}
	tensors := 2 * layers
	if h.r.IntN(4) == 0 {
		tensors = 1 + h.r.IntN(tensors)
	}
	for i := range tensors {
		at := h.tensor(i/2, i%2)
		taken, err := h.b.Copy(at+to*n, at+s*n, n)
		require.NoError(h.t, err)
		require.True(h.t, taken)
		for _, c := range keys(h.live[s]) {
			copy(h.row(i/2, i%2, to, int(c)), h.row(i/2, i%2, s, int(c)))
		}
	}
	h.live[to] = map[int32]bool{}
	if tensors == 2*layers {
		for c := range h.live[s] {
			h.live[to][c] = true
		}
	}
}

// restore writes rows of a new text from a cell on.
func (h *host) restore(s int) {
	n, from := 1+h.r.IntN(12), h.r.IntN(8)
	h.live[s] = map[int32]bool{}
	for l := range layers {
		for kind := range 2 {
			var rows []byte
			for c := from; c < from+n; c++ {
				row := h.newRow(h.r, kind)
				rows, h.live[s][int32(c)] = append(rows, row...), true
				copy(h.row(l, kind, s, c), row)
			}
			require.NoError(h.t, h.b.Set(h.tensor(l, kind)+(s*cells+from)*rowBytes, len(rows), func(to []byte) { copy(to, rows) }))
		}
	}
}

// shift changes keys in place, as when the positions of a text move.
func (h *host) shift(s int, live []int32) {
	by := make([]int32, cells)
	for _, c := range live {
		by[c] = -1
	}
	for l := range layers {
		at := h.tensor(l, 0) + s*cells*rowBytes
		require.NoError(h.t, h.b.Shift(h.tensor(l, 0), s, by))
		for _, c := range live {
			row := h.row(l, 0, s, int(c))
			slices.Reverse(row) // any change of the bytes will do
			for i := range row {
				row[i] &= 0xbf // small numbers
			}
			copy(h.mem[at+int(c)*rowBytes:], row)
		}
	}
}

func TestRandom(t *testing.T) {
	d := open(t)
	served, host := 0, 0
	for seed := range uint64(60) {
		m := run(t, newMemory(t, d, 1+int(seed%3)), seed)
		served, host = served+m.served, host+m.host
	}
	assert.Greater(t, served, 2000)
	assert.Less(t, host, served/4)
}

// Keys that have much in common, with a codec that takes it out, are as far off as they
// may be after having been encoded several times.
func TestRandomRanged(t *testing.T) {
	d, absorbed := open(t), int64(0)
	for seed := range uint64(30) {
		m := newMemoryOf(t, d, 1+int(seed%3), ranged())
		m.within = 0.2
		run(t, m, 1000+seed)
		counts, _, _ := m.b.Stats()
		absorbed += counts.Absorbed
	}
	assert.Greater(t, absorbed, int64(1000))
}

func run(t *testing.T, m *memory, seed uint64) *memory {
	h := &host{memory: m, r: rand.New(rand.NewPCG(seed, 7)), live: make([]map[int32]bool, m.streams)}
	for i := range h.live {
		h.live[i] = map[int32]bool{}
	}
	for range 60 {
		h.act()
	}
	return m
}
