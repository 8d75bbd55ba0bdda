package eval

import (
	"context"
	"math"
	"slices"

	"github.com/qaqvk/qaqvk/internal/model"
)

// Probe is what keys, values and attention of a text look like, uncompressed.
type Probe struct {
	Keys, Values Spread
	Picture      Picture
	Layers       []Persistence // by layer
}

// Spread counts elements by their distance from the mean of their row, in standard
// deviations of it.
type Spread struct {
	Counts  [spreadBins]int64
	Largest float64 // distance of the farthest element
}

// The bins of a Spread are half a standard deviation wide, from −16 on; the first
// and the last have all beyond.
const (
	spreadBins  = 64
	spreadWidth = 0.5
)

// add counts a row.
func (s *Spread) add(row []float32) {
	values := doubles(row)
	m, sum := mean(values), 0.0
	for _, x := range values {
		sum += (x - m) * (x - m)
	}
	deviation := math.Sqrt(sum / float64(len(values)))
	if deviation == 0 {
		return
	}
	for _, x := range values {
		d := (x - m) / deviation
		s.Largest = max(s.Largest, math.Abs(d))
		s.Counts[min(max(int(math.Floor(d/spreadWidth))+spreadBins/2, 0), spreadBins-1)]++
	}
}

// Beyond is the share of elements at least so many standard deviations away.
func (s *Spread) Beyond(deviations int) float64 {
	var out, all int64
	for i, n := range s.Counts {
		if from := spreadBins/2 - int(float64(deviations)/spreadWidth); i < from || i >= spreadBins-from {
			out += n
		}
		all += n
	}
	return float64(out) / float64(max(all, 1))
}

// Picture is the attention of one query head: the largest probability of each
// block of queries and tokens.
type Picture struct {
	Layer, Head int
	Cell        int         // queries and tokens of a block
	Cells       [][]float32 // [query block][token block]
}

// pictureCells are the blocks of a Picture in each direction.
const pictureCells = 48

// add counts the probabilities of a layer, [n][heads][tokens], of queries from
// one on.
func (p *Picture) add(probs []float32, heads, tokens, first int) {
	for i := range len(probs) / (heads * tokens) {
		row := p.Cells[(first+i)/p.Cell]
		for t, x := range probs[(i*heads+p.Head)*tokens:][:tokens] {
			row[t/p.Cell] = max(row[t/p.Cell], x)
		}
	}
}

// Persistence says how far importance lasts in a layer. A token is important in a
// window of queries if its largest probability is among the greatest tenth.
type Persistence struct {
	Kept       float64 // share of important tokens that are so in the next window
	Exceptions float64 // share of the other tokens that become so in the next window

	// Half the widths of the 95 % confidence intervals, over windows.
	KeptCI, ExceptionsCI float64
}

// probeWindow are the queries of a window of Persistence.
const probeWindow = 64

// Probe reads tokens with an uncompressed cache.
func (b *Bench) Probe(ctx context.Context, tokens []int) (*Probe, error) {
	p := &Probe{Picture: Picture{Layer: b.Model.Layers / 2, Cell: (len(tokens) + pictureCells - 1) / pictureCells}}
	p.Picture.Cells = make([][]float32, pictureCells)
	for i := range p.Picture.Cells {
		p.Picture.Cells[i] = make([]float32, pictureCells)
	}
	kv := &probeKV{Memory: model.NewMemory(b.Model.Config), m: b.Model, probe: p,
		windows: make([][][]float32, b.Model.Layers)}
	for at := 0; at < len(tokens); at += StepTokens {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := b.Model.Forward(tokens[at:min(at+StepTokens, len(tokens))], kv); err != nil {
			return nil, err
		}
	}
	for _, windows := range kv.windows {
		p.Layers = append(p.Layers, persistence(windows))
	}
	return p, nil
}

// probeKV looks at what goes through an uncompressed cache.
type probeKV struct {
	*model.Memory
	m       *model.Model
	probe   *Probe
	windows [][][]float32 // by layer and window, the largest probability of each token
}

// Append implements model.KV.
func (p *probeKV) Append(layer int, k, v []float32) error {
	for kind, rows := range [2][]float32{k, v} {
		s := [2]*Spread{&p.probe.Keys, &p.probe.Values}[kind]
		for row := range slices.Chunk(rows, p.m.HeadDim) {
			s.add(row)
		}
	}
	return p.Memory.Append(layer, k, v)
}

// Attend implements model.KV.
func (p *probeKV) Attend(layer int, q, out []float32, a model.Attention) error {
	probs, err := p.AttendProbs(layer, q, out, a)
	if err != nil {
		return err
	}
	heads, n := p.m.QueryHeads, len(q)/(p.m.QueryHeads*p.m.HeadDim)
	tokens, first := len(probs)/(n*heads), p.Tokens()
	if layer == p.probe.Picture.Layer {
		p.probe.Picture.add(probs, heads, tokens, first)
	}
	if first%probeWindow == 0 {
		p.windows[layer] = append(p.windows[layer], nil)
	}
	at := len(p.windows[layer]) - 1
	largest := append(p.windows[layer][at], make([]float32, tokens-len(p.windows[layer][at]))...)
	for row := range slices.Chunk(probs, tokens) {
		for t, x := range row {
			largest[t] = max(largest[t], x)
		}
	}
	p.windows[layer][at] = largest
	return nil
}

// persistence compares neighbouring windows over the tokens of the first of them.
func persistence(windows [][]float32) Persistence {
	var kept, exceptions []float64
	for i := 1; i < len(windows); i++ {
		before := windows[i-1]
		was, is := important(before), important(windows[i][:len(before)])
		var stayed, rose, count float64
		for t := range was {
			count += one(was[t])
			stayed += one(was[t] && is[t])
			rose += one(!was[t] && is[t])
		}
		kept, exceptions = append(kept, stayed/count), append(exceptions, rose/math.Max(1, float64(len(was))-count))
	}
	if len(kept) == 0 {
		return Persistence{}
	}
	return Persistence{mean(kept), mean(exceptions), halfWidth(kept), halfWidth(exceptions)}
}

// important marks the tenth of tokens of the greatest probabilities.
func important(largest []float32) []bool {
	order := make([]int, len(largest))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case largest[a] > largest[b]:
			return -1
		case largest[a] < largest[b]:
			return 1
		}
		return 0
	})
	out := make([]bool, len(largest))
	for _, t := range order[:(len(order)+9)/10] {
		out[t] = true
	}
	return out
}

// SpreadBin is where a bin of a Spread begins, in standard deviations.
func SpreadBin(i int) float64 { return float64(i-spreadBins/2) * spreadWidth }
