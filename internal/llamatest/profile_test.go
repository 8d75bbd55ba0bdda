//go:build ggml

package llamatest_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/qaqvk/qaqvk/internal/llamatest"
	"github.com/qaqvk/qaqvk/internal/model"
)

// rowsKV keeps the rows that qaqvk's own forward pass computes, from which calibrate
// makes a profile.
type rowsKV struct {
	config   model.Config
	attender model.Attender
	rows     [2][][]float32 // by kind and layer
}

func (r *rowsKV) Tokens() int { return 0 }
func (r *rowsKV) Step() error { return nil }

func (r *rowsKV) Append(layer int, k, v []float32) error {
	r.rows[0][layer] = append([]float32(nil), k...)
	r.rows[1][layer] = append([]float32(nil), v...)
	return nil
}

func (r *rowsKV) Attend(layer int, q, out []float32, a model.Attention) error {
	r.attender.Attend(r.config, a, q, out, r.rows[0][layer], r.rows[1][layer], nil)
	return nil
}

// stateRows takes the rows of one stream out of llama.cpp's state of a sequence.
func stateRows(t *testing.T, data []byte, tokens int) (out [2][][]float32) {
	next := func(n int) []byte { part := data[:n]; data = data[n:]; return part }
	word := func() int { return int(binary.LittleEndian.Uint32(next(4))) }
	next(8) // magic, sequence
	require.Equal(t, 1, word(), "streams")
	require.Equal(t, tokens, word(), "cells")
	next(12 * tokens) // position, number of sequences, sequence
	require.Zero(t, word(), "values are not transposed")
	n := word()
	for kind := range out {
		for range n {
			require.Equal(t, 1, word(), "type f16")
			size := int(binary.LittleEndian.Uint64(next(8)))
			row := make([]float32, 0, tokens*size/2)
			for rows := next(tokens * size); len(rows) > 0; rows = rows[2:] {
				row = append(row, float16.Frombits(binary.LittleEndian.Uint16(rows)).Float32())
			}
			out[kind] = append(out[kind], row)
		}
	}
	return out
}

// A profile that calibrate makes from a GGUF file fits llama.cpp with that file: the
// fingerprint is the file's, and rows, the order of their elements and how positions
// turn them are the same.
func TestProfileFits(t *testing.T) {
	m, err := model.Load(gguf)
	require.NoError(t, err)
	defer m.Close()
	p := start(t, "", llamatest.Options{})
	tokens := p.tokens(prose)[:48]
	p.feed(0, 0, 48, tokens...)
	state, err := p.Get(0)
	require.NoError(t, err)
	p.end()
	theirs := stateRows(t, state, len(tokens))
	ours := &rowsKV{config: m.Config, rows: [2][][]float32{make([][]float32, layers), make([][]float32, layers)}}
	_, err = m.Forward(tokens, ours)
	require.NoError(t, err)
	for kind, bound := range []float64{0.06, 0.1} {
		for layer := range layers {
			off, all := 0.0, 0.0
			for i, x := range ours.rows[kind][layer] {
				d := float64(x - theirs[kind][layer][i])
				off, all = off+d*d, all+float64(x)*float64(x)
			}
			assert.Less(t, math.Sqrt(off/all), bound, "kind %d, layer %d", kind, layer)
		}
	}
}
