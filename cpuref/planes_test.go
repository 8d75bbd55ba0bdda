package cpuref

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plainRow is the row string by its definition, bit after bit.
func plainRow(codes []uint8, b int) []uint32 {
	d := len(codes)
	out := make([]uint32, (b*d+31)/32)
	for p := range b {
		for i, c := range codes {
			at := p*d + i
			out[at/32] |= uint32(c>>(b-1-p)&1) << (at % 32)
		}
	}
	return out
}

func randomCodes(r *rand.Rand, d, b int) []uint8 {
	out := make([]uint8, d)
	for i := range out {
		out[i] = uint8(r.IntN(1 << b))
	}
	return out
}

func TestRowString(t *testing.T) {
	codes := make([]uint8, 32)
	codes[0], codes[1], codes[31] = 0b10, 0b01, 0b11
	out := make([]uint32, 2)
	writeRow(codes, 2, out)
	assert.Equal(t, []uint32{0x80000001, 0x80000002}, out)
}

func TestRowStringsOfEveryWidth(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for d := 32; d <= 256; d += 8 {
		for b := 1; b <= 8; b++ {
			codes, back := randomCodes(r, d, b), make([]uint8, d)
			want := plainRow(codes, b)
			got := guarded(len(want))
			writeRow(codes, b, got)
			same(t, want, got, "put")
			readRow(got, b, back)
			require.Equal(t, codes, back)
		}
	}
}

func TestCutAndJoinRows(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for d := 32; d <= 256; d += 8 {
		for b := 1; b <= 8; b++ {
			codes := randomCodes(r, d, b)
			whole := plainRow(codes, b)
			for keep := 0; keep <= b; keep++ {
				head, tail := make([]uint8, d), make([]uint8, d)
				for i, c := range codes {
					head[i], tail[i] = c>>(b-keep), c&(1<<(b-keep)-1)
				}
				cut := guarded((keep*d + 31) / 32)
				cutRow(whole, keep*d, cut)
				same(t, plainRow(head, keep), cut, "cut")
				joined := guarded(len(whole))
				joinRow(cut, keep*d, plainRow(tail, b-keep), (b-keep)*d, joined)
				same(t, whole, joined, "join")
			}
		}
	}
}

func TestJoinIgnoresWhatPadsItsParts(t *testing.T) {
	out := make([]uint32, 3)
	joinRow([]uint32{0, 0xffffff00}, 40, []uint32{0, 0xffffff00}, 40, out)
	assert.Equal(t, []uint32{0, 0, 0}, out)
}
