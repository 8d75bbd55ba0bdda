package cpuref

import (
	"math"

	"github.com/qaqvk/qaqvk/shaders"
)

// chunkLength are the elements of a row that are summed before the chunks are.
const chunkLength = 32

// tiles says how query vectors are arranged.
type tiles struct {
	d, chunks, queries uint64 // elements and chunks of a vector, vectors of a tile
	perHead            uint64 // tiles of a KV head
}

// tilesOf returns the arrangement of a head's vectors.
func tilesOf(kernel string, headDim, queries uint32, vectors uint64) (tiles, error) {
	switch queries {
	case 1, 2, 4, 8, 12, 16:
	default:
		return tiles{}, argument(kernel, "%d query vectors a tile: must be 1, 2, 4, 8, 12 or 16", queries)
	}
	q, d := uint64(queries), uint64(headDim)
	return tiles{d, (d + chunkLength - 1) / chunkLength, q, (vectors + q - 1) / q}, nil
}

// words returns the words of a tile, padding included.
func (t tiles) words() uint64 {
	return uint64(shaders.AlignWords(int((t.d + t.chunks) * t.queries)))
}

// put arranges one row in a slot of a tile.
func (t tiles) put(tile []uint32, slot uint64, row elements, scale float32) {
	for c := range t.chunks {
		sum := float32(0)
		for d := c * chunkLength; d < min((c+1)*chunkLength, t.d); d++ {
			y := cut(float32(finite(row.typ, row.at(int(d)))*scale), mostQuery)
			tile[d*t.queries+slot] = math.Float32bits(y)
			sum += y
		}
		tile[(t.d+c)*t.queries+slot] = math.Float32bits(sum)
	}
}

// putZero fills a slot of a tile with a zero vector.
func (t tiles) putZero(tile []uint32, slot uint64) {
	for i := range t.d + t.chunks {
		tile[i*t.queries+slot] = 0
	}
}

// arranged is a query vector: its scaled elements y and their sum X.
type arranged struct {
	y []float32
	x float32
}

// get reads the vector in a slot of a tile.
func (t tiles) get(tile []uint32, slot uint64) arranged {
	a := arranged{y: make([]float32, t.d)}
	for d := range a.y {
		a.y[d] = math.Float32frombits(tile[uint64(d)*t.queries+slot])
	}
	for c := range t.chunks {
		a.x += math.Float32frombits(tile[(t.d+c)*t.queries+slot])
	}
	return a
}
