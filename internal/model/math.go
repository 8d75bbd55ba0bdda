package model

import (
	"math"

	"github.com/qaqvk/qaqvk/internal/model/blas"
)

// rmsNorm computes out = x/rms(x)·weight for each row of len(weight) elements.
func rmsNorm(out, x, weight []float32, epsilon float32) {
	width := len(weight)
	for at := 0; at < len(x); at += width {
		row, dst := x[at:at+width], out[at:at+width]
		var sum float64
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		scale := float32(1 / math.Sqrt(sum/float64(width)+float64(epsilon)))
		for i, v := range row {
			dst[i] = v * scale * weight[i]
		}
	}
}

// rmsNormGrad adds the gradient of rmsNorm, out being that of its result, to dx.
func rmsNormGrad(dx, out, x, weight []float32, epsilon float32) {
	width := len(weight)
	blas.Parallel(len(x)/width, func(r int) {
		at := r * width
		row, dst, dy := x[at:at+width], dx[at:at+width], out[at:at+width]
		var sum, along float64
		for i, v := range row {
			sum += float64(v) * float64(v)
			along += float64(v) * float64(dy[i]*weight[i])
		}
		mean := sum/float64(width) + float64(epsilon)
		scale := float32(1 / math.Sqrt(mean))
		back := float32(along / (float64(width) * mean))
		for i, v := range row {
			dst[i] += scale * (dy[i]*weight[i] - v*back)
		}
	})
}

// notFinite returns the index of the first NaN or infinity, -1 if there is none.
func notFinite(x []float32) int {
	for i, v := range x {
		if v-v != 0 {
			return i
		}
	}
	return -1
}

// addBias adds scale·bias to each row of x; a nil bias adds nothing.
func addBias(x, bias []float32, scale float32) {
	if bias == nil {
		return
	}
	for at := 0; at < len(x); at += len(bias) {
		for i, b := range bias {
			x[at+i] += scale * b
		}
	}
}

// scale multiplies x by a factor.
func scale(x []float32, factor float32) {
	if factor == 1 {
		return
	}
	for i := range x {
		x[i] *= factor
	}
}

// softCap computes x = limit·tanh(x/limit); limit 0 means none.
func softCap(x []float32, limit float32) {
	if limit == 0 {
		return
	}
	for i, v := range x {
		x[i] = limit * float32(math.Tanh(float64(v/limit)))
	}
}

// swiGLU computes out = silu(gate)·up for rows gate, up of gateUp [n][2][width].
func swiGLU(out, gateUp []float32, width int) {
	blas.Parallel(len(out)/width, func(i int) {
		gate, up := gateUp[2*i*width:(2*i+1)*width], gateUp[(2*i+1)*width:(2*i+2)*width]
		dst := out[i*width : (i+1)*width]
		for j, g := range gate {
			dst[j] = g / (1 + exp(-g)) * up[j]
		}
	})
}

// swiGLUGrad sets gateUp [n][2][width] to the gradient of its rows, out being that
// of swiGLU's result.
func swiGLUGrad(gateUp, out []float32, width int) {
	blas.Parallel(len(out)/width, func(i int) {
		gate, up := gateUp[2*i*width:(2*i+1)*width], gateUp[(2*i+1)*width:(2*i+2)*width]
		for j, d := range out[i*width : (i+1)*width] {
			g, u := gate[j], up[j]
			s := 1 / (1 + exp(-g))
			gate[j], up[j] = d*u*s*(1+g*(1-s)), d*g*s
		}
	})
}

// exp is e^x to about 2 units in the last place: 2^k·e^r with |r| ≤ ln 2/2 and
// a polynomial for e^r (coefficients of 1/i!, adjusted as in Cephes expf).
func exp(x float32) float32 {
	if x < -87 {
		return 0
	}
	if !(x < 88) {
		return float32(math.Exp(float64(x)))
	}
	k := float32(math.Floor(float64(x*1.44269504 + 0.5)))
	r := x - k*0.693359375 + k*2.12194440e-4
	p := float32(1.9875691500e-4)
	p = p*r + 1.3981999507e-3
	p = p*r + 8.3334519073e-3
	p = p*r + 4.1665795894e-2
	p = p*r + 1.6666665459e-1
	p = p*r + 5.0000001201e-1
	p = p*r*r + r + 1
	return p * math.Float32frombits(uint32(int32(k)+127)<<23)
}

// angles holds the sine and cosine of each position and pair, [n][Rope.Dims/2].
type angles struct {
	pairs    int
	sin, cos []float32
}

// set computes the angles of positions pos to pos+n−1; magnitude is a factor of
// the rotated pairs.
func (a *angles) set(rope []float64, magnitude float64, pos, n int) {
	a.pairs = len(rope)
	a.sin, a.cos = grow(a.sin, n*a.pairs), grow(a.cos, n*a.pairs)
	for i := range n {
		for j, speed := range rope {
			sin, cos := math.Sincos(float64(pos+i) * speed)
			a.sin[i*a.pairs+j], a.cos[i*a.pairs+j] = float32(magnitude*sin), float32(magnitude*cos)
		}
	}
}

// rotate applies RoPE in place to rows [n][heads][dim]. halves pairs element j
// with j+pairs (Qwen 2), else 2j with 2j+1 (Llama as GGUF files order it).
func (a *angles) rotate(rows []float32, heads, dim int, halves bool) {
	a.turn(rows, heads, dim, halves, 1)
}

// rotateBack is the gradient of rotate: turns the other way by the same magnitude.
func (a *angles) rotateBack(rows []float32, heads, dim int, halves bool) {
	a.turn(rows, heads, dim, halves, -1)
}

func (a *angles) turn(rows []float32, heads, dim int, halves bool, sign float32) {
	first, step, gap := 0, 2, 1
	if halves {
		step, gap = 1, a.pairs
	}
	for r := 0; r*dim < len(rows); r++ {
		row, at := rows[r*dim:(r+1)*dim], r/heads*a.pairs
		for j := range a.pairs {
			sin, cos := sign*a.sin[at+j], a.cos[at+j]
			lo, hi := first+j*step, first+j*step+gap
			x, y := row[lo], row[hi]
			row[lo], row[hi] = x*cos-y*sin, x*sin+y*cos
		}
	}
}
