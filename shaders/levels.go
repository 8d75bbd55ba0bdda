package shaders

import (
	"fmt"
	"math"
)

// ShiftsPerLevel are the shifts (LevelThresholds) from one of the ten levels to the
// next: levels are half steps, shifts sixteenths.
const ShiftsPerLevel = 8

// sumOfShares is twice 3.5: the sum of 2^(-k/2) over all blocks k is 3.415.
const sumOfShares = 7

// MostFraction is the most bits of decayed importance behind the point.
const MostFraction = 24

// ImportanceWords are the words that the importance of so many tokens of a layer takes
// behind the layer's header: whole pairs, as an invocation has four tokens.
func ImportanceWords(tokens int) int { return (tokens + 3) / 4 * 2 }

// Importance returns the decayed importance of token t of a layer, and whether it is a
// sink, from the words behind the layer's header.
func Importance(words []uint32, t int) (sum uint32, sink bool) {
	kept := words[t/2] >> (16 * (t % 2)) & 0xffff
	code := kept &^ (SinkMark >> 16)
	shift := max(code>>ImportanceDigits, 1) - 1
	return (code - shift<<ImportanceDigits) << shift, kept != code
}

// ImportanceFraction returns how many bits of decayed importance may lie behind the
// point so that neither it nor its sum over tokens passes MostImportance, whatever
// attention does: the shares of a query vector add up to 1.
func ImportanceFraction(queryHeads, block int) (uint32, error) {
	for f := MostFraction; f >= 0; f-- {
		if sumOfShares*uint64(queryHeads)*uint64(block) <= uint64(2*MostImportance)>>f {
			return uint32(f), nil
		}
	}
	return 0, fmt.Errorf("shaders: importance of %d query heads, blocks of %d queries: more than a word holds", queryHeads, block)
}

// DecayFactor is the factor of a DecayFrame when so many blocks of queries went
// by: 2^(32-k/2), rounded, and 1, which leaves nothing, from 64 on; 0 for none.
func DecayFactor(blocks int) uint32 {
	if blocks <= 0 {
		return 0
	}
	return uint32(math.Round(math.Ldexp(1, 32) * DecayShare(min(blocks, 64))))
}

// DecayShare is 2^(-blocks/2): what importance is worth after so many blocks.
func DecayShare(blocks int) float64 {
	share := math.Ldexp(1, -(blocks+1)/2)
	if blocks%2 == 1 {
		share *= math.Sqrt2
	}
	return share
}

// LevelThresholds returns what normalize_importance compares shares of the mean
// with, times 2^16: a token of share I has more than level j where
//
//	½·log2((I + floor)/(1 + floor)) + shift/16 >= -1.5 + (j+½)/2
//
// so that levels are rounded to half steps. They are the same on every processor.
func LevelThresholds(floor float32, shift int) (t [LevelBounds]uint32) {
	for j := range t {
		eighths := 8*j - 20 - shift // of an octave of (I + floor)/(1 + floor)
		octave := int(math.Floor(float64(eighths) / 8))
		above := math.Ldexp(octaves[eighths-8*octave], octave)
		share := float64((1+float64(floor))*above) - float64(floor)
		t[j] = uint32(math.Round(min(max(0, share*(1<<16)), math.MaxUint32)))
	}
	return t
}

// octaves are 2^(i/8).
var octaves = [8]float64{1, 1.0905077326652577, 1.189207115002721, 1.2968395546510096,
	1.4142135623730951, 1.5422108254079407, 1.681792830507429, 1.8340080864093424}

// MeanLevel is the level of a token whose share of the mean is 1.
func MeanLevel(thresholds [LevelBounds]uint32) (level uint32) {
	for _, t := range thresholds {
		if t <= 1<<16 {
			level++
		}
	}
	return level
}
