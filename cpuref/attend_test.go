package cpuref

import (
	"fmt"
	"math"
	"testing"

	"github.com/qaqvk/qaqvk/shaders"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// attentions covers levels, types, bits, shapes and options.
func attentions() (out []attention) {
	levels := []struct{ heads, rows, rowFirst int }{{2, 1, 0}, {2, 2, 0}, {2, 6, 2}, {1, 1, 0}, {3, 1, 0}, {1, 3, 2}}
	bits := [][]uint8{{8}, {3}, {0}, {shaders.Raw}, {4, 1, 2}, {3, 8, shaders.Raw, 0, 5}, {8, 7, 6}}
	for i, d := range []int{40, 64, 128, 256, 32, 64, 40, 128, 64, 128, 96, 40, 64, 128} {
		level := levels[i%len(levels)]
		alpha := []float64{0.04, 0, 0.1}[i%3]
		low, high := shaders.Outliers(alpha, level.rows*d)
		out = append(out, attention{
			l:     shaders.Layout{Type: uint32(i+1) % 3, HeadDim: d, Rows: level.rows, Low: low, High: high},
			heads: level.heads, rowFirst: level.rowFirst, perHead: []int{1, 3, 8}[i%3], n: []int{1, 1, 2, 5}[i%4],
			tokens: []int{70, 521, 300, 1000}[i%4], pageTokens: 16, parts: []int{48}, bits: bits[i%len(bits)],
			tile: []uint32{1, 2, 4, 8, 16, 12}[i%6], window: []int{0, 0, 33, 0, 300}[i%5], cap: []float32{0, 5, 30}[i%3],
			spread: []float32{1, 4}[i%2], seed: uint64(i),
		})
		last := &out[i]
		if last.tokens > 500 {
			last.parts = []int{16 * 7, 16 * 16, 16*30 - 5}
		}
	}
	return out
}

func (a attention) name() string {
	return fmt.Sprintf("%s/h%d/g%d/n%d/T%d/b%v/w%d/c%g", name(a.l), a.heads, a.perHead, a.n, a.tokens, a.bits, a.window, a.cap)
}

// values returns the decoded rows [token][KV head][D] of K or V.
func (a attention) values(t testing.TB, kind int) (out []float64) {
	stored := 0
	if len(a.parts) > 0 {
		stored = a.parts[len(a.parts)-1]
	}
	for token := range a.tokens {
		bits := a.tokenBits(kind, token)
		if token >= stored {
			bits = repeat(shaders.Raw, len(bits))
		}
		page := encodePage(t, a.l, a.rows(kind, token), bits)
		rows := decodePage(t, a.l, page, shaders.TypeF32)
		for _, w := range rows[a.rowFirst*a.l.HeadDim : (a.rowFirst+a.heads)*a.l.HeadDim] {
			out = append(out, float64(math.Float32frombits(w)))
		}
	}
	return out
}

// float64s returns the output rows computed in float64 from decoded values.
func (a attention) float64s(t testing.TB) (out []float64) {
	k, v := a.values(t, 0), a.values(t, 1)
	queries := elements{a.l.Type, a.queryRows()}
	d := a.l.HeadDim
	for i := range a.n {
		for qh := range a.heads * a.perHead {
			y := make([]float64, d)
			for e := range y {
				y[e] = float64(Load(a.l.Type, queries.at((i*a.heads*a.perHead+qh)*d+e))) * float64(a.scale())
			}
			out = append(out, a.attend64(i, qh/a.perHead, y, k, v)...)
		}
	}
	return out
}

// attend64 is the output of query i with vector y at KV head h.
func (a attention) attend64(i, h int, y, k, v []float64) []float64 {
	d, end, first := len(y), a.tokens-a.n+i+1, 0
	if a.window > 0 {
		first = max(0, end-a.window)
	}
	out, total := make([]float64, d), 0.0
	for t := first; t < end; t++ {
		at, r := (t*a.heads+h)*d, 0.0
		for e := range y {
			r += y[e] * k[at+e]
		}
		if c := float64(a.cap); c > 0 {
			r = c * math.Tanh(r/c)
		}
		p := math.Exp(r)
		total += p
		for e := range y {
			out[e] += p * v[at+e]
		}
	}
	for e := range out {
		out[e] /= total
	}
	return out
}

// TestAttentionIsCloseToFloat64 bounds the error of a row by its norm.
func TestAttentionIsCloseToFloat64(t *testing.T) {
	worst := 0.0
	for _, a := range attentions() {
		want, got := a.float64s(t), a.run(t, shaders.TypeF32).rows
		require.Len(t, got, len(want), a.name())
		for row := 0; row < len(want); row += a.l.HeadDim {
			norm, off := 0.0, 0.0
			for i := row; i < row+a.l.HeadDim; i++ {
				norm = math.Hypot(norm, want[i])
				off = math.Hypot(off, want[i]-float64(math.Float32frombits(got[i])))
			}
			worst = max(worst, off/norm)
			require.LessOrEqual(t, off, 1e-5*norm, "%s row %d", a.name(), row/a.l.HeadDim)
		}
	}
	t.Logf("largest error: %.2g of a row's norm", worst)
	assert.Greater(t, worst, 0.0)
}

func TestCombineNarrowsTheOutput(t *testing.T) {
	for _, a := range attentions()[:4] {
		full := a.run(t, shaders.TypeF32).rows
		for _, typ := range []uint32{shaders.TypeF16, shaders.TypeBF16} {
			got := elements{typ, a.run(t, typ).rows}
			for i, w := range full {
				require.Equal(t, Narrow(typ, w), got.at(i), "%s element %d", a.name(), i)
			}
		}
	}
}
