package profile

import (
	"cmp"
	"slices"

	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/shaders"
)

// Levels are counted from 0; level i asks 4^((BaseLevel−i)/2) times Slope of a
// plane: from −1.5 to 3 in half steps.
const (
	Levels    = 10
	BaseLevel = 3
)

// RecordAlign is what the bits of a record are a multiple of: the word of a page.
const RecordAlign = 32

// Planes says how many channels of a row have each of their bit planes kept. As
// worth falls with the channel and with the plane, these are the first channels.
type Planes struct {
	shape  policy.Shape
	counts []uint16 // [2][Layers][KVHeads][Levels][CodeBits]
	bits   []int    // [2][Layers][Levels]
}

// Count returns the channels of a row with a plane, 0 being the most significant:
// falling with the plane, rising with the level.
func (p *Planes) Count(kind shaders.Kind, layer, head, level, plane int) int {
	return int(p.counts[p.at(int(kind), layer, head, level)+plane])
}

// RowBits returns the bits of a row at a level.
func (p *Planes) RowBits(kind shaders.Kind, layer, head, level int) (bits int) {
	at := p.at(int(kind), layer, head, level)
	for _, n := range p.counts[at : at+CodeBits] {
		bits += int(n)
	}
	return bits
}

// RecordBits returns the bits of the keys or the values of all KV heads of a token
// in a layer at a level, a multiple of RecordAlign.
func (p *Planes) RecordBits(kind shaders.Kind, layer, level int) int {
	return p.bits[(int(kind)*p.shape.Layers+layer)*Levels+level]
}

func (p *Planes) at(kind, layer, head, level int) int {
	return (((kind*p.shape.Layers+layer)*p.shape.KVHeads+head)*Levels + level) * CodeBits
}

// item is a plane of a channel of a row.
type item struct {
	worth  float64
	number int // (head·D + channel)·CodeBits + plane
}

// Planes solves which planes each level keeps: of each kind and layer those that
// are worth at least Slope·4^−(level's steps), to the nearest multiple of
// RecordAlign in the falling order of worth. Equal worths stand in the order of
// head, channel, plane.
func (p *Profile) Planes() *Planes {
	s := p.Shape
	out := &Planes{
		shape: s, counts: make([]uint16, 2*s.Layers*s.KVHeads*Levels*CodeBits), bits: make([]int, 2*s.Layers*Levels),
	}
	for at, items := range p.ranking() {
		for level := range Levels {
			n := kept(items, p.Slope, level)
			out.bits[at*Levels+level] = n
			for _, it := range items[:n] {
				plane, head := it.number%CodeBits, it.number/CodeBits/s.HeadDim
				out.counts[out.at(at/s.Layers, at%s.Layers, head, level)+plane]++
			}
		}
	}
	return out
}

// falling returns all planes of a kind and layer in falling order of worth.
func (p *Profile) falling(kind shaders.Kind, layer int) []item {
	gains, lambdas := p.Codebook.gains(), p.layer(kind, layer).Lambda
	items := make([]item, 0, len(lambdas)*CodeBits)
	for _, lambda := range lambdas {
		for _, gain := range gains {
			items = append(items, item{float64(float64(lambda) * gain), len(items)})
		}
	}
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(b.worth, a.worth), cmp.Compare(a.number, b.number))
	})
	return items
}

// gains returns what each plane takes off the squared error of a channel, made to
// fall with the plane.
func (c Codebook) gains() (out [CodeBits]float64) {
	for i := range out {
		out[i] = float64(c.Distortion[i]) - float64(c.Distortion[i+1])
		if i > 0 {
			out[i] = min(out[i], out[i-1])
		}
	}
	return out
}

// kept returns how many of the items a level keeps at a slope.
func kept(items []item, at float32, level int) int {
	slope := float64(at)
	for i := level; i < BaseLevel; i++ {
		slope *= 2
	}
	for i := BaseLevel; i < level; i++ {
		slope /= 2
	}
	n, _ := slices.BinarySearchFunc(items, slope, func(it item, slope float64) int {
		if it.worth >= slope {
			return -1
		}
		return 1
	})
	return min((n+RecordAlign/2)/RecordAlign, len(items)/RecordAlign) * RecordAlign
}
