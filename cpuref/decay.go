package cpuref

import (
	"math"
	"math/bits"

	"github.com/qaqvk/qaqvk/shaders"
)

// addImportance adds decayed importance, cut to what its words hold.
func addImportance(sum, more uint32) uint32 {
	return uint32(min(uint64(sum)+uint64(more), shaders.MostImportance))
}

// weightOf returns 2^(fraction - k/2): what a share of k blocks of
// queries ago is multiplied by. From half a unit on it does not fall.
func weightOf(k, fraction uint32) float32 {
	k = min(k, 2*fraction+1)
	weight := math.Ldexp(1, int(fraction)-int(k+1)/2)
	if k%2 == 1 {
		weight *= math.Float64frombits(0x3ff6a09e60000000) // the f32 next to the root of 2
	}
	return float32(weight)
}

// decayed returns what is left of importance when factor*2^-32 of it stays, all
// of it where factor is 0.
func decayed(importance, factor uint32) uint32 {
	if factor == 0 {
		return importance
	}
	high, _ := bits.Mul32(importance, factor)
	return high
}

// opened returns the importance of a token, marked or not, of which 16 bits are kept:
// below the mark 1024 codes a doubling, the first 2048 are what they stand for.
func opened(kept uint16) uint32 {
	code, mark := uint32(kept)&0x7fff, uint32(kept)>>15<<31
	if code < 2<<shaders.ImportanceDigits {
		return mark | code
	}
	doublings, digits := code>>shaders.ImportanceDigits-1, code%(1<<shaders.ImportanceDigits)
	return mark | (1<<shaders.ImportanceDigits+digits)<<doublings
}

// kept returns the 16 bits whose importance is the nearest, the larger of two that are.
func kept(importance uint32) uint16 {
	sum, mark := uint64(importance&^shaders.SinkMark), uint16(importance>>31)<<15
	if sum < 2<<shaders.ImportanceDigits {
		return mark | uint16(sum)
	}
	doublings := bits.Len64(sum) - (shaders.ImportanceDigits + 1)
	rounded := (sum + 1<<(doublings-1)) >> doublings // 1024 to 2048
	return mark | uint16(uint64(doublings)<<shaders.ImportanceDigits+rounded)
}

// tokens is the kept importance of tokens, two in a word, the earlier one in the low half.
type tokens []uint32

func (k tokens) get(t uint32) uint32 { return opened(uint16(k[t/2] >> (16 * (t % 2)))) }

func (k tokens) set(t, importance uint32) {
	shift := 16 * (t % 2)
	k[t/2] = k[t/2]&^(0xffff<<shift) | uint32(kept(importance))<<shift
}
