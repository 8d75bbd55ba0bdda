package cpuref

import "math"

// isFinite tells whether x is neither a NaN nor an infinity.
func isFinite(x float32) bool { return math.Float32bits(x)&infinityF32 != infinityF32 }

// reciprocal returns about 1/x for x of 1 to 2^100.
func reciprocal(x float32) float32 {
	y := math.Float32frombits(0x7ef311c7 - math.Float32bits(x))
	for range 4 {
		y = float32(y * (2 - float32(x*y)))
	}
	return y
}

// exponential returns exp(x) for x <= 0 with an error below 2^-22 of it, +0
// where x < -80.
func exponential(x float32) float32 {
	if !(x >= -80) { // written so that NaN gives 0 too
		return 0
	}
	k := int32(float32(x*1.44269504) - 0.5)
	n := float32(k)
	r := (x - float32(n*0.693359375)) + float32(n*0.000212194440)
	y := float32(1.0 / 5040)
	y = float32(y*r) + 1.0/720
	y = float32(y*r) + 1.0/120
	y = float32(y*r) + 1.0/24
	y = float32(y*r) + 1.0/6
	y = float32(y*r) + 0.5
	y = float32(y*r) + 1
	y = float32(y*r) + 1
	return math.Float32frombits(math.Float32bits(y) + uint32(k)<<23)
}

// softCap returns limit*tanh(r/limit), inverse being 1/limit.
func softCap(r, limit, inverse float32) float32 {
	z, sign := float32(r*inverse), float32(1)
	if z < 0 {
		z, sign = -z, -1
	}
	e := exponential(-2 * min(z, 16))
	magnitude := float32(float32((1-e)*reciprocal(1+e)) * limit)
	return flush(sign * magnitude)
}
