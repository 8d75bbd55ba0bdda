package kvbuffer

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// Tensor is a tensor of a KV buffer as ggml tells it.
type Tensor struct {
	Name    string
	At      int  // bytes into the buffer
	F16     bool // element type
	Row     int  // elements of a row
	Cells   int  // rows of a stream
	Streams int
}

const f16Bytes = 2

// kind is 0 for keys and 1 for values, as everywhere.
const (
	key = iota
	value
)

// layout is where the rows of a cache lie in memory. All rows have the same size.
type layout struct {
	tensors        [][2]int // by layer and kind: bytes into the buffer
	row            int      // bytes of a row
	cells, streams int
}

// cacheName are the names of the tensors of a plain cache.
var cacheName = regexp.MustCompile(`^cache_([kv])_l(\d+)$`)

var errNoCache = errors.New("no tensors of keys and values")

// newLayout finds the layers of the tensors; the error says why a cache cannot hold
// their rows.
func newLayout(told []Tensor) (*layout, error) {
	byLayer, numbers := map[int]*[2]int{}, []int(nil)
	for _, t := range told {
		m := cacheName.FindStringSubmatch(t.Name)
		switch {
		case m == nil:
			return nil, fmt.Errorf("tensor %s is of another kind of cache", t.Name)
		case !t.F16:
			return nil, fmt.Errorf("tensor %s is not f16", t.Name)
		case t.Row != told[0].Row || t.Cells != told[0].Cells || t.Streams != told[0].Streams:
			return nil, fmt.Errorf("tensors %s and %s have different shapes", told[0].Name, t.Name)
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		if byLayer[n] == nil {
			byLayer[n], numbers = &[2]int{-1, -1}, append(numbers, n)
		}
		byLayer[n][map[string]int{"k": key, "v": value}[m[1]]] = t.At
	}
	if len(numbers) == 0 {
		return nil, errNoCache
	}
	slices.Sort(numbers)
	l := &layout{row: told[0].Row * f16Bytes, cells: told[0].Cells, streams: told[0].Streams}
	for _, n := range numbers {
		if byLayer[n][key] < 0 || byLayer[n][value] < 0 {
			return nil, fmt.Errorf("layer %d has keys or values alone", n)
		}
		l.tensors = append(l.tensors, *byLayer[n])
	}
	return l, nil
}

// streamBytes are the bytes of a stream in a tensor.
func (l *layout) streamBytes() int { return l.cells * l.row }

// at is where the row of a cell lies in the buffer.
func (l *layout) at(layer, kind, stream, cell int) int {
	return l.tensors[layer][kind] + (stream*l.cells+cell)*l.row
}

// part is what a range of bytes takes of a stream in a tensor: bytes from..to of it.
type part struct {
	layer, kind, stream int
	from, to            int
}

// cells are the cells that a part touches, from and up to.
func (l *layout) cellsOf(p part) (from, to int) { return p.from / l.row, (p.to + l.row - 1) / l.row }

// find returns the layer and kind of the tensor that a byte lies in.
func (l *layout) find(at int) (layer, kind int, ok bool) {
	for layer, t := range l.tensors {
		for kind, begin := range t {
			if at >= begin && at < begin+l.streams*l.streamBytes() {
				return layer, kind, true
			}
		}
	}
	return 0, 0, false
}

// parts returns what the bytes from..to take of the tensors.
func (l *layout) parts(from, to int) (out []part) {
	for layer, t := range l.tensors {
		for kind, begin := range t {
			for s := range l.streams {
				at := begin + s*l.streamBytes()
				a, b := max(from, at), min(to, at+l.streamBytes())
				if a < b {
					out = append(out, part{layer, kind, s, a - at, b - at})
				}
			}
		}
	}
	return out
}
