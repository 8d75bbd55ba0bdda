package recording

import "math"

// Importance is a byte: 0 where it is 0 or too few queries saw the token, else
// 8·log2(x) + 128, rounded and cut to 1..255.
const (
	ImportanceSteps = 8 // of a doubling
	importanceOne   = 128
)

// EncodeImportance is the byte of an importance.
func EncodeImportance(x float64) byte {
	if !(x > 0) {
		return 0
	}
	return byte(min(max(math.Round(ImportanceSteps*math.Log2(x))+importanceOne, 1), 255))
}

// DecodeImportance is the importance of a byte.
func DecodeImportance(b byte) float64 {
	if b == 0 {
		return 0
	}
	return math.Exp2((float64(b) - importanceOne) / ImportanceSteps)
}
