package calibrate

import (
	"math"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// tableShare is the share of channels, those that cost most, that the tables are
// made for.
const tableShare = 3. / 8

const codes = 1 << profile.CodeBits

// thresholds returns t_k = 2.6·u + u³ + 4·u⁷, u = k/128 − 1, k = 1 … 255: wide, because
// the channels' distributions are, and an odd polynomial of the degree that values
// have, so that these can be near the means of cells of any number of bits.
func thresholds() []float32 {
	out := make([]float32, codes-1)
	for i := range out {
		u := float64(i+1)/(codes/2) - 1
		cube := u * u * u
		out[i] = float32(float64(2.6*u) + cube + float64(4*cube*cube*u))
	}
	return out
}

// cells counts channel values by their codes; a value and its negative count as
// one, so that tables are symmetric.
type cells struct {
	count, sum [codes]float64
	square     float64 // Σ z²
}

func (c *cells) add(z float32, t []float32) {
	code := profile.Code(z, t)
	c.count[code]++
	c.sum[code] += float64(z)
	c.count[codes-1-code]++
	c.sum[codes-1-code] -= float64(z)
	c.square += 2 * float64(z) * float64(z)
}

// codebook finds the tables for a sample of rows in channels.
func (c *Collector) codebook(book *profile.Codebook, p *profile.Profile) {
	book.Thresholds = thresholds()
	s := p.Shape
	each := make([]cells, len(c.heads))
	parallelHeads(len(c.heads), func(i int) {
		h := p.Head(shaders.Kind(i/s.KVHeads/s.Layers), i/s.KVHeads%s.Layers, i%s.KVHeads)
		c.heads[i].cells(&each[i], h, book.Thresholds)
	})
	var all cells
	for i := range each {
		for k := range codes {
			all.count[k] += each[i].count[k]
			all.sum[k] += each[i].sum[k]
		}
		all.square += each[i].square
	}
	all.tables(book)
}

// cells adds the sample of a head.
func (m *moments) cells(out *cells, h profile.Head, t []float32) {
	delta, turned := m.mean(), make([]float64, m.d)
	less, row := make([]float64, m.d), make([]float64, m.d)
	forward := h.Forward()
	channels := max(1, int(tableShare*float64(m.d)))
	for i, page := range m.pages {
		m.turns.to(turned, delta, page)
		for e, x := range m.sample[i*m.d : (i+1)*m.d] {
			less[e] = float64(x) - turned[e]
		}
		m.shifts.to(row, less, i%m.shifts.pages())
		for c := range channels {
			var z float64
			for e, a := range forward[c*m.d : (c+1)*m.d] {
				z += float64(a) * row[e]
			}
			out.add(float32(z), t)
		}
	}
}

// tables sets the values of codes, of each number of bits near the mean of what has
// them, and the distortions that those values leave; then it stretches the former and
// raises D₀.
func (c *cells) tables(book *profile.Codebook) {
	total := c.total()
	book.Reconstruction = c.reconstruction(book.Thresholds)
	book.Distortion[0] = float32(c.square / total)
	for bits := 1; bits <= profile.CodeBits; bits++ {
		lost := c.square
		for i, v := range book.Table(bits) {
			n, sum := c.of(bits, i)
			lost += float64(v) * (float64(v)*n - 2*sum)
		}
		book.Distortion[bits] = min(float32(max(0, lost)/total), book.Distortion[bits-1])
	}
	stretch(&book.Reconstruction)
	book.Distortion[0] *= nothing
}

// Means leave the least squared error, but one that is alike in all tokens: towards 0.
// Attention sums up tokens, and what is alike in them does not average out. So the values
// of few bits are larger than means, and no bits cost more than their squared error.
// (Chosen on sources in Go and this project's documents at 1.65 bits, where the two leave a
// seventh less divergence; larger ones leave more again.)
var stretches = [curveBits]float64{1: 1.12, 2: 1.12, 3: 1.06}

const nothing = 1.25

// stretch makes the magnitudes of few bits larger.
func stretch(r *shaders.Reconstruction) {
	next := 0
	for bits := 1; bits < curveBits; bits++ {
		for range 1 << (bits - 1) {
			r.Magnitudes[next] = uint8(min(math.Round(float64(r.Magnitudes[next])*stretches[bits]), 127))
			next++
		}
	}
}

func (c *cells) total() (n float64) {
	for _, x := range c.count {
		n += x
	}
	return n
}

// of returns the count and the sum of values whose codes begin with code i of bits.
func (c *cells) of(bits, i int) (n, sum float64) {
	wide := codes >> bits
	for k := i * wide; k < (i+1)*wide; k++ {
		n += c.count[k]
		sum += c.sum[k]
	}
	return n, sum
}

// middle returns the middle of the codes first to last, exclusive; at the ends,
// their border and half a cell more.
func middle(t []float32, first, last int) float32 {
	switch {
	case first == 0:
		return t[last-1] - (t[last]-t[last-1])/2
	case last == codes:
		return t[first-1] + (t[first-1]-t[first-2])/2
	}
	return (t[first-1] + t[last-1]) / 2
}
