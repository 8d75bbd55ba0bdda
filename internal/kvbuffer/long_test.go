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
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

const room = 512 // cells of a stream of a long text

// long are texts whose keys have much in common, in the streams of a buffer.
type long struct {
	t    *testing.T
	r    *rand.Rand
	b    *kvbuffer.Buffer
	log  []string
	cap  float32
	most int   // queries of a graph
	kept int64 // bytes of rows that the host keeps
	mem  []byte
	rows [2][layers][2][]byte // by stream, layer and kind, as they came
	host int
	off  float64 // the most that an element of an output was off

	special []uint16 // keys of a token in the middle
}

func ranged() policy.Policy {
	return policy.QAQ{KeyError: policy.DefaultKeyError, ValueError: policy.DefaultValueError, MinBits: 1, MaxBits: 8}
}

func (l *long) config(s kvbuffer.Shape, p policy.Policy) backend.Config {
	return backend.Config{Layers: s.Layers, KVHeads: s.KVHeads, QueryHeads: s.QueryHeads, HeadDim: s.HeadDim, Capacity: s.Cells,
		Sequences: s.Streams, MaxStepTokens: s.StepTokens, Policy: p, Synchronous: true, HostBudget: l.kept}
}

func newLong(t *testing.T, p policy.Policy) *long {
	mem, err := syscall.Mmap(-1, 0, 4*layers*room*rowBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	require.NoError(t, err)
	l, d := &long{t: t, r: rand.New(rand.NewPCG(1, 2)), mem: mem, most: 300, kept: 1 << 26}, open(t)
	l.b = kvbuffer.New(mem, kvbuffer.Options{Log: func(line string) { l.log = append(l.log, line) },
		New: func(s kvbuffer.Shape) (*backend.Cache, error) { return backend.New(d, l.config(s, p)) }})
	for layer := range layers {
		for kind, name := range []string{"k", "v"} {
			l.b.Add(kvbuffer.Tensor{Name: fmt.Sprintf("cache_%s_l%d", name, layer), At: l.at(0, layer, kind), F16: true, Row: width, Cells: room, Streams: 2})
		}
	}
	t.Cleanup(func() {
		l.b.Close()
		require.NoError(t, syscall.Munmap(mem))
	})
	return l
}

func (l *long) at(stream, layer, kind int) int {
	return ((2*layer+kind)*2 + stream) * room * rowBytes
}
func (l *long) tokens(stream int) int { return len(l.rows[stream][0][0]) / rowBytes }

// newRows are rows of n tokens: keys are apart by .3, and some elements of all by 100.
func (l *long) newRows(n, kind int) (out []byte) {
	for i := range n * width {
		x := l.r.NormFloat64()
		if kind == 0 {
			x *= 0.3
			if i%8 == 3 {
				x += 100 - float64(i%width)
			}
		}
		out = binary.LittleEndian.AppendUint16(out, float16.Fromfloat32(float32(x)).Bits())
	}
	return out
}

// step decodes n more tokens of a stream and compares what attention says.
func (l *long) step(stream, n int) {
	l.t.Helper()
	before := l.tokens(stream)
	mask := kvbuffer.Mask{Stride: room, Cells: room}
	for q := range n {
		for c := range room {
			mask.Values = append(mask.Values, map[bool]uint16{false: 0xfc00}[c <= before+q])
		}
	}
	var cells []int64
	for c := range n {
		cells = append(cells, int64(stream*room+before+c))
	}
	for layer := range layers {
		for kind := range 2 {
			rows := l.newRows(n, kind)
			for i, x := range l.special[:len(l.special)*(1-kind)] {
				binary.LittleEndian.PutUint16(rows[n/2*rowBytes+2*i:], x)
			}
			l.rows[stream][layer][kind] = append(l.rows[stream][layer][kind], rows...)
			taken, err := l.b.SetRows(l.at(0, layer, kind), rowBytes, cells, func(to []byte) { copy(to, rows) })
			require.NoError(l.t, err)
			if !taken {
				copy(l.mem[l.at(stream, layer, kind)+before*rowBytes:], rows)
			}
		}
		l.attend(stream, layer, n, mask)
	}
}

func (l *long) attend(stream, layer, n int, mask kvbuffer.Mask) {
	l.t.Helper()
	q, out := make([]float32, n*heads*dim), make([]float32, n*heads*dim)
	for i := range q {
		q[i] = float32(l.r.NormFloat64())
	}
	done, err := l.b.Attend(kvbuffer.Attention{Keys: l.at(stream, layer, 0), Values: l.at(stream, layer, 1), QueryHeads: heads, KVHeads: kvHeads,
		HeadDim: dim, MostQueries: l.most, Scale: 1 / float32(math.Sqrt(dim)), SoftCap: l.cap, Q: q, Out: out, Mask: mask})
	require.NoError(l.t, err)
	require.NoError(l.t, l.b.Attended(l.at(0, layer, 0), []bool{done}, n))
	if !done {
		l.host++
		return
	}
	for i := range n {
		l.off = max(l.off, l.distance(stream, layer, l.tokens(stream)-n+i+1, q[i*heads*dim:], out[i*heads*dim:]))
	}
}

// distance is the most that the output of a query is off, which sees so many tokens.
func (l *long) distance(stream, layer, sees int, q, out []float32) (off float64) {
	k, v := halves(l.rows[stream][layer][0][:sees*rowBytes]), halves(l.rows[stream][layer][1][:sees*rowBytes])
	for h := range heads {
		sum, acc, at := 0.0, make([]float64, dim), h/(heads/kvHeads)*dim
		scores, most := make([]float64, sees), math.Inf(-1)
		for t := range scores {
			for j := range dim {
				scores[t] += k[t*width+at+j] * float64(q[h*dim+j]) / math.Sqrt(dim)
			}
			if l.cap > 0 {
				scores[t] = float64(l.cap) * math.Tanh(scores[t]/float64(l.cap))
			}
			most = max(most, scores[t])
		}
		for t, s := range scores {
			w := math.Exp(s - most)
			sum += w
			for j := range acc {
				acc[j] += w * v[t*width+at+j]
			}
		}
		for j, a := range acc {
			off = max(off, math.Abs(a/sum-float64(out[h*dim+j])))
		}
	}
	return off
}

// readOff is the most that keys and values are off which the buffer gives back.
func (l *long) readOff(stream int) (off [2]float64) {
	for layer := range layers {
		for kind := range off {
			want := halves(l.rows[stream][layer][kind])
			got := make([]byte, 2*len(want))
			require.NoError(l.t, l.b.Get(l.at(stream, layer, kind), got))
			for i, x := range halves(got) {
				off[kind] = max(off[kind], math.Abs(x-want[i]))
			}
		}
	}
	return off
}

// fork copies stream 0 to stream 1.
func (l *long) fork() {
	n := room * rowBytes
	for layer := range layers {
		for kind := range 2 {
			l.rows[1][layer][kind] = slices.Clone(l.rows[0][layer][kind])
			taken, err := l.b.Copy(l.at(1, layer, kind), l.at(0, layer, kind), n)
			require.NoError(l.t, err)
			require.True(l.t, taken)
		}
	}
}

// cut leaves the first tokens of a stream, as the next mask says.
func (l *long) cut(stream, tokens int) {
	for layer := range layers {
		for kind := range 2 {
			l.rows[stream][layer][kind] = l.rows[stream][layer][kind][:tokens*rowBytes]
		}
	}
}

func (l *long) bits() float64 {
	_, s, ok := l.b.Stats()
	require.True(l.t, ok)
	return s.K.Mean
}

func (l *long) absorbed() int64 {
	counts, _, _ := l.b.Stats()
	return counts.Absorbed
}
