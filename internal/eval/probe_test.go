package eval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	var s Spread
	row := make([]float32, 100) // mean 0, standard deviation 1/√2
	for i := range row {
		row[i] = [4]float32{1, 0, -1, 0}[i%4]
	}
	s.add(row)
	require.Equal(t, [2]int64{25, 25}, [2]int64{s.Counts[spreadBins/2-3], s.Counts[spreadBins/2+2]})
	require.InDelta(t, 1.4142, s.Largest, 1e-4)
	require.Equal(t, 0.5, s.Beyond(1))
	require.Zero(t, s.Beyond(2))
	s.add(make([]float32, 8))
	require.Equal(t, 0.5, s.Beyond(1), "a row of zeros has no spread")
	far := make([]float32, 10000)
	far[7] = 1
	s.add(far)
	require.InDelta(t, 100, s.Largest, 0.1)
	require.Equal(t, int64(1), s.Counts[spreadBins-1])
	require.Equal(t, 1.0, SpreadBin(spreadBins/2+2))
}

func TestPersistence(t *testing.T) {
	before, after := make([]float32, 20), make([]float32, 30)
	before[3], before[5] = 1, 0.5 // the tenth of 20 is two
	after[3], after[9], after[25] = 1, 0.5, 2
	p := persistence([][]float32{before, after})
	require.Equal(t, Persistence{Kept: 0.5, Exceptions: 1.0 / 18}, p)
	require.Zero(t, persistence([][]float32{before}))
}

func TestProbe(t *testing.T) {
	b := tiny(t)
	p, err := b.Probe(t.Context(), corpus(t, b, 192, 192).Contexts[0])
	require.NoError(t, err)
	require.Len(t, p.Layers, 2)
	var elements int64
	for _, n := range p.Keys.Counts {
		elements += n
	}
	require.Equal(t, int64(192*2*2*64), elements)
	require.Equal(t, 4, p.Picture.Cell)
	require.Zero(t, p.Picture.Cells[0][1], "no query sees later tokens")
	require.Positive(t, p.Picture.Cells[47][47])
	require.LessOrEqual(t, p.Picture.Cells[0][0], float32(1))
}
