package kvbuffer

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
)

func bytesOfHalves(h ...uint16) (out []byte) {
	for _, x := range h {
		out = binary.LittleEndian.AppendUint16(out, x)
	}
	return out
}

func float(h uint16) float64 { return float64(float16.Frombits(h).Float32()) }

// step is from an f16 to the next larger one in magnitude.
func step16(h uint16) float64 {
	h &= 0x7fff
	return float(h+1) - float(h)
}

// A key that goes and comes back is at most one step of the larger of it and the mean off.
func TestThereAndBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	one := make([]byte, 2)
	for range 400_000 {
		k, m := uint16(r.Uint32()), uint16(r.Uint32())
		if r.IntN(2) == 0 {
			m = k&0xf000 | m&0xfff // of about the same size
		}
		if k&0x7fff > 0x7a00 || m&0x7fff > 0x7400 { // 49,152 and mostMean
			continue
		}
		mean := []float32{float32(float(m))}
		addMean(one, bytesOfHalves(k), mean, -1)
		addMean(one, one, mean, 1)
		got := binary.LittleEndian.Uint16(one)
		require.LessOrEqual(t, math.Abs(float(got)-float(k)), step16(max(k&0x7fff, m&0x7fff)), "key %#x, mean %#x: %#x", k, m, got)
	}
}

// Where key and mean have one sign and less than a factor of two between them, all bits
// come back.
func TestThereAndBackExactly(t *testing.T) {
	for k := uint16(0x5640); k < 0x5a40; k++ { // 100 to 200
		row := bytesOfHalves(k, k|0x8000)
		mean := []float32{150, -150}
		addMean(row, row, mean, -1)
		addMean(row, row, mean, 1)
		require.Equal(t, bytesOfHalves(k, k|0x8000), row)
	}
}

func TestMeanOfValuesThatAreNone(t *testing.T) {
	const inf, nan, largest = 0x7c00, 0x7e01, 0x7bff
	rows := bytesOfHalves(inf, nan, largest, inf|0x8000)
	less := make([]byte, len(rows))
	addMean(less, rows, []float32{1, 2, -3e4, 4}, -1)
	assert.Equal(t, rows, less, "infinities and NaN stay, and what would be beyond the largest")

	table := [][]uint16{{0x3c00, inf}, {0x3c00, nan}, {0, 0}, {0, 0}, {0x4000, nan}, {0x4400, 0x7b00}, {inf, 0x7b00}} // four are skipped
	got := meanOf(len(table), func(i int) []byte { return bytesOfHalves(table[i]...) })
	assert.Equal(t, []float32{3, mostMean}, got)
}
