package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// A Coder computes on the host what promote_calibrated is supplied with: the full codes
// of tokens of a stretch. One goroutine may use it at a time.
type Coder struct {
	layout  shaders.Layout
	tables  tables
	pairs   pairing
	forward []matrix    // of each head, turned to the stretch
	means   [][]float32 // of each head, turned to the middle of a page
	middle  []float32   // of that page
	turned  bool        // means are
	x       []float32
	codes   []uint8
}

// NewCoder returns one for a kind of a layer and the rotation of a stretch, nil for V.
func NewCoder(t *shaders.Tables, stretch []float32, interleaved bool) *Coder {
	l := t.Layout()
	c := &Coder{layout: l, tables: tables{thresholds: newThresholds(t.Thresholds[:]), means: t.Mean, forward: t.Forward}, pairs: pairing{len(stretch), interleaved},
		x: make([]float32, l.HeadDim), codes: make([]uint8, l.HeadDim)}
	for h := range l.Rows {
		c.forward = append(c.forward, c.tables.forwardOf(l, h, c.pairs, stretch))
		c.means = append(c.means, make([]float32, l.HeadDim))
	}
	return c
}

// turnMeans turns the means to the middle of a page, unless it is the last one's.
func (c *Coder) turnMeans(middle []float32) {
	if c.turned && (len(middle) == 0 || &middle[0] == &c.middle[0]) {
		return
	}
	c.middle, c.turned = middle, true
	for h, mean := range c.means {
		c.pairs.turn(c.tables.mean(c.layout, h), middle, mean)
	}
}

// Codes computes the full codes of the rows [H][D] of a token as they were appended, for
// the rotation of the middle of its page, nil for V, which stays as it is while the Coder
// is used. It returns false where the token cannot be quantized. out has CodeWords words.
func (c *Coder) Codes(middle []float32, rows, out []uint32) (quantizes bool) {
	c.turnMeans(middle)
	quantizes = true
	words := shaders.Blocks(c.layout.HeadDim) * shaders.Planes
	for h, a := range c.forward {
		row := elements{c.layout.Type, rows[h*c.layout.RawRowWords():]}
		quantizes = c.tables.encodeRow(a, row, c.means[h], c.x, c.codes) && quantizes
		arrangeCodes(c.codes, out[h*words:][:words])
	}
	return quantizes
}

// CalibratedCodes is Codes of a new Coder, for the rotation of a page and then of its
// stretch.
func CalibratedCodes(t *shaders.Tables, rotation []float32, interleaved bool, rows, out []uint32) (quantizes bool) {
	n := len(rotation) / 2
	return NewCoder(t, rotation[n:], interleaved).Codes(rotation[:n], rows, out)
}
