package cpuref

import (
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/shaders"
)

const (
	mostTable  = 0x1p40 // larger elements of rows are not quantized
	mostChange = 0x1p41 // what they may be less a mean
	mostPair   = 0x1p61 // of a pair's products
	mostCoded  = 0x1p60 // larger magnitudes of coded queries are cut
	leastCoded = 0x1p-60
)

// pairing says how elements turn with the position: the first rotary of a row.
type pairing struct {
	rotary      int
	interleaved bool
}

// pairing returns the checked pairing of a kernel for rows of d elements.
func (k kernel) pairing(rotary, interleaved uint32, d int) pairing {
	if rotary%8 != 0 || int(rotary) > d || interleaved > 1 {
		k.fail("%d elements turn, interleaved %d: must be a multiple of 8 to %d, interleaved 0 or 1", rotary, interleaved, d)
	}
	return pairing{int(rotary), interleaved == 1}
}

// elements returns the two elements of pair i.
func (p pairing) elements(i int) (a, b int) {
	if p.interleaved {
		return 2 * i, 2*i + 1
	}
	return i, i + p.rotary/2
}

// turn writes a row turned by a rotation: cosines, then sines.
func (p pairing) turn(row, rotation, out []float32) {
	half := p.rotary / 2
	for i := range half {
		a, b := p.elements(i)
		cos, sin := rotation[i], rotation[half+i]
		out[a] = cut(float32(row[a]*cos)-float32(row[b]*sin), mostTable)
		out[b] = cut(float32(row[b]*cos)+float32(row[a]*sin), mostTable)
	}
	for d := p.rotary; d < len(row); d++ {
		out[d] = cut(row[d], mostTable)
	}
}

// turnBack writes a row turned the other way.
func (p pairing) turnBack(row, rotation, out []float32) {
	back := slices.Clone(rotation)
	for i := p.rotary / 2; i < p.rotary; i++ {
		back[i] = -back[i]
	}
	p.turn(row, back, out)
}

// pairProducts are those of a query with a mean: what a rotation makes of each pair, and
// of the elements that do not turn.
type pairProducts struct {
	along, across []float32
	fixed         float32
}

func (p pairing) multiply(y, mean []float32) (m pairProducts) {
	for i := range p.rotary / 2 {
		a, b := p.elements(i)
		m.along = append(m.along, cut(float32(y[a]*mean[a])+float32(y[b]*mean[b]), mostPair))
		m.across = append(m.across, cut(float32(y[b]*mean[a])-float32(y[a]*mean[b]), mostPair))
	}
	for d := p.rotary; d < len(y); d++ {
		m.fixed += float32(y[d] * mean[d])
	}
	return m
}

// turned is the product with the mean turned by a rotation.
func (m pairProducts) turned(rotation []float32) float32 {
	const block = shaders.BlockElements / 2
	total, half := float32(0), len(m.along)
	for from := 0; from < half; from += block {
		sum := float32(0)
		for i := from; i < min(from+block, half); i++ {
			sum += float32(m.along[i] * rotation[i])
			sum += float32(m.across[i] * rotation[half+i])
		}
		total += sum
	}
	return total + m.fixed
}

func floats(words []uint32) []float32 {
	out := make([]float32, len(words))
	for i, w := range words {
		out[i] = math.Float32frombits(w)
	}
	return out
}

// tables are views of the tables of a kind of a layer.
type tables struct {
	record           recordTable
	thresholds       *thresholds
	means            []float32
	forward, inverse shaders.Matrix
}

// openTables reads tables from word at of a buffer on.
func openTables(l shaders.Layout, b buffer, at uint64) tables {
	r := shaders.Records{Type: l.Type, HeadDim: l.HeadDim, Heads: l.Rows}
	words := b.span(at, uint64(r.AllWords()))
	return tables{
		record:     openRecordTable(l, b, words[:r.TableWords()]),
		thresholds: newThresholds(floats(words[r.ThresholdsAt() : r.MeanAt()-1])),
		means:      floats(words[r.MeanAt():r.ForwardScalesAt()]),
		forward:    shaders.Matrix{Bytes: signedBytes(words[r.ForwardAt():r.InverseAt()]), Scales: floats(words[r.ForwardScalesAt():r.InverseScalesAt()])},
		inverse:    shaders.Matrix{Bytes: signedBytes(words[r.InverseAt():]), Scales: floats(words[r.InverseScalesAt():r.ForwardAt()])},
	}
}

// mean returns the mean of a head.
func (t *tables) mean(l shaders.Layout, h int) []float32 { return t.means[h*l.HeadDim:][:l.HeadDim] }
