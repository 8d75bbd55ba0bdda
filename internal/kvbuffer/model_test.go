package kvbuffer_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// Sizes of the buffers of these tests.
const (
	layers, kvHeads, heads, dim = 3, 2, 4, 32
	cells, width                = 40, kvHeads * dim
	rowBytes                    = 2 * width
)

// memory is what a buffer must equal: the bytes of a plain one.
type memory struct {
	t       *testing.T
	b       *kvbuffer.Buffer
	mem     []byte // of b
	want    []byte
	streams int
	log     []string
	host    int // attentions that were computed from memory
	served  int
	observe func(kvbuffer.Observed) // nil: nobody does
	within  float64                 // what the codec may lose of an element; 0: nothing
}

func open(t *testing.T) device.Device {
	d, err := device.Open("cpu", device.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// newMemory makes a buffer whose cache keeps rows as they came.
func newMemory(t *testing.T, d device.Device, streams int) *memory {
	return newMemoryOf(t, d, streams, policy.None{})
}

// newMemoryOf makes a buffer whose cache has a policy.
func newMemoryOf(t *testing.T, d device.Device, streams int, p policy.Policy) *memory {
	size := 2 * layers * streams * cells * rowBytes
	mem, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	require.NoError(t, err)
	m := &memory{t: t, mem: mem, want: make([]byte, size), streams: streams}
	m.b = kvbuffer.New(mem, kvbuffer.Options{Log: func(line string) { m.log = append(m.log, line) }, Observe: m.tell, New: func(s kvbuffer.Shape) (*backend.Cache, error) {
		return backend.New(d, backend.Config{Layers: s.Layers, KVHeads: s.KVHeads, QueryHeads: s.QueryHeads, HeadDim: s.HeadDim, Capacity: s.Cells,
			Sequences: s.Streams, MaxStepTokens: s.StepTokens, Recent: 3, PageTokens: 4, Policy: p, Synchronous: true, HostBudget: 1 << 22})
	}})
	for l := range layers {
		for kind, name := range []string{"k", "v"} {
			m.b.Add(kvbuffer.Tensor{Name: fmt.Sprintf("cache_%s_l%d", name, l), At: m.tensor(l, kind), F16: true, Row: width, Cells: cells, Streams: streams})
		}
	}
	t.Cleanup(func() {
		m.b.Close()
		require.NoError(t, syscall.Munmap(mem))
	})
	return m
}

func (m *memory) tell(o kvbuffer.Observed) {
	if m.observe != nil {
		m.observe(o)
	}
}

func (m *memory) tensor(layer, kind int) int { return (2*layer + kind) * m.streams * cells * rowBytes }
func (m *memory) row(layer, kind, stream, cell int) []byte {
	return m.want[m.tensor(layer, kind)+(stream*cells+cell)*rowBytes:][:rowBytes]
}

func halves(row []byte) (out []float64) {
	for i := 0; i < len(row); i += 2 {
		out = append(out, float64(float16.Frombits(binary.LittleEndian.Uint16(row[i:])).Float32()))
	}
	return out
}

func randomRow(r *rand.Rand) (out []byte) {
	for range width {
		out = binary.LittleEndian.AppendUint16(out, float16.Fromfloat32(float32(r.NormFloat64())).Bits())
	}
	return out
}

// newRow is a random row. Keys that a codec may lose something of have much in common.
func (m *memory) newRow(r *rand.Rand, kind int) []byte {
	row := randomRow(r)
	for i := 0; i < len(row) && kind == 0 && m.within > 0; i += 16 {
		binary.LittleEndian.PutUint16(row[i:], 0x4c00+uint16(i)|binary.LittleEndian.Uint16(row[i:])>>10) // 16 and more
	}
	return row
}

// write writes rows of a layer's K and V for the batch of each stream.
func (m *memory) write(r *rand.Rand, layer int, batches map[int][]int32, order []int) {
	for kind := range 2 {
		var at []int64
		var rows []byte
		for _, s := range order {
			for _, c := range batches[s] {
				at = append(at, int64(s*cells)+int64(c))
				row := m.newRow(r, kind)
				rows = append(rows, row...)
				copy(m.row(layer, kind, s, int(c)), row)
			}
		}
		taken, err := m.b.SetRows(m.tensor(layer, kind), rowBytes, at, func(to []byte) { copy(to, rows) })
		require.NoError(m.t, err)
		for i, c := range at {
			if !taken {
				copy(m.mem[m.tensor(layer, kind)+int(c)*rowBytes:], rows[i*rowBytes:][:rowBytes])
			}
		}
	}
}

// attend attends with the batches of the streams, each of n tokens, and masks.
func (m *memory) attend(r *rand.Rand, layer int, order []int, n int, masks map[int]kvbuffer.Mask) {
	var done []bool
	var outs, qs [][]float32
	for i, s := range order {
		q, out := make([]float32, n*heads*dim), make([]float32, n*heads*dim)
		for j := range q {
			q[j] = float32(r.NormFloat64())
		}
		ok, err := m.b.Attend(kvbuffer.Attention{Keys: m.tensor(layer, 0) + s*cells*rowBytes, Values: m.tensor(layer, 1) + s*cells*rowBytes,
			From: i * n, QueryHeads: heads, KVHeads: kvHeads, HeadDim: dim, MostQueries: 4, Q: q, Out: out, Mask: masks[s]})
		require.NoError(m.t, err)
		done, outs, qs = append(done, ok), append(outs, out), append(qs, q)
	}
	require.NoError(m.t, m.b.Attended(m.tensor(layer, 0), done, n))
	for i, s := range order {
		if !done[i] {
			m.host++
			m.requireMemory(layer, s, masks[s])
			continue
		}
		m.served++
		want := m.reference(layer, s, qs[i], masks[s])
		for j := range want {
			require.InDelta(m.t, want[j], outs[i][j], 2e-3+m.within, "layer %d, stream %d, element %d", layer, s, j)
		}
	}
}

// requireMemory compares the rows that a mask shows with memory.
func (m *memory) requireMemory(layer, stream int, mask kvbuffer.Mask) {
	for c := range mask.Cells {
		if mask.Values[c] != 0 {
			continue
		}
		for kind := range 2 {
			at := m.tensor(layer, kind) + (stream*cells+c)*rowBytes
			m.requireRows(m.want[at:at+rowBytes], m.mem[at:at+rowBytes], "layer %d, kind %d, stream %d, cell %d", layer, kind, stream, c)
		}
	}
}

// reference is attention from the formula.
func (m *memory) reference(layer, stream int, q []float32, mask kvbuffer.Mask) (out []float64) {
	for i := 0; i < len(q)/dim; i++ {
		head, sum, acc := i%heads/(heads/kvHeads)*dim, 0.0, make([]float64, dim)
		for c, x := range mask.Values[i/heads*mask.Stride:][:mask.Cells] {
			if x != 0 {
				continue
			}
			score := 0.0
			for j, k := range halves(m.row(layer, 0, stream, c))[head : head+dim] {
				score += k * float64(q[i*dim+j])
			}
			w := math.Exp(score / math.Sqrt(dim))
			sum += w
			for j, v := range halves(m.row(layer, 1, stream, c))[head : head+dim] {
				acc[j] += w * v
			}
		}
		for _, a := range acc {
			out = append(out, a/sum)
		}
	}
	return out
}

// maskOf shows the cells of a set, and of a batch those up to a query's own.
func maskOf(set map[int32]bool, batch []int32) kvbuffer.Mask {
	m := kvbuffer.Mask{Stride: cells, Cells: cells}
	row := make([]uint16, cells)
	for c := range row {
		if !set[int32(c)] {
			row[c] = 0xfc00
		}
	}
	for _, c := range batch {
		row[c] = 0
		m.Values = append(m.Values, row...)
	}
	return m
}

// requireBytes reads some bytes and compares those of rows that count.
func (m *memory) requireBytes(at, n int) {
	got := make([]byte, n)
	require.NoError(m.t, m.b.Get(at, got))
	m.requireRows(m.want[at:at+n], got, "bytes %d..%d", at, at+n-1)
}

func (m *memory) requireRows(want, got []byte, what ...any) {
	m.t.Helper()
	if m.within == 0 {
		require.Equal(m.t, want, got, what...)
		return
	}
	x := halves(got)
	for i, w := range halves(want) {
		require.InDelta(m.t, w, x[i], m.within, what...)
	}
}

func keys(set map[int32]bool) (out []int32) {
	for c := range set {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}
