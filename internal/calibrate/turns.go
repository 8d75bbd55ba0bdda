package calibrate

import (
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// turns are the angles of the middles of pages; nil turns nothing: all tokens are
// one page.
type turns struct {
	rope     profile.RoPE
	cos, sin [][]float32 // [page][Dims/2]
}

const pageTokens = profile.DefaultPageTokens

// newTurns returns the angles for texts of that many tokens.
func newTurns(rope profile.RoPE, tokens int) *turns {
	t := &turns{rope: rope}
	for first := 0; first < tokens; first += pageTokens {
		t.append(first + pageTokens/2)
	}
	return t
}

// append appends the angles of a position.
func (t *turns) append(position int) {
	cos, sin := make([]float32, len(t.rope.Speeds)), make([]float32, len(t.rope.Speeds))
	t.rope.Turn(position, cos, sin)
	t.cos, t.sin = append(t.cos, cos), append(t.sin, sin)
}

// newShifts returns the angles from one window of so many tokens to each of those that
// reach into a stretch of a context, for all stretches turn the tables alike. What a model
// reads at one place it reads at another with keys and queries turned, so that the
// statistics of keys over a stretch are those of one window, turned by each of them.
func newShifts(rope profile.RoPE, window, context int) *turns {
	t := &turns{rope: rope}
	for first := 0; first == 0 || first < min(context, shaders.StretchTokens); first += window {
		t.append(first)
	}
	return t
}

// average returns the mean of a matrix [d][d] turned on both sides by each angle, number k
// of them counting 1/(k+1): that many of the texts of all lengths reach so far.
func (t *turns) average(matrix []float64, d int) []float64 {
	out, row, all := make([]float64, d*d), make([]float64, d), 0.0
	for page := range t.pages() {
		all += 1 / float64(page+1)
	}
	for page := range t.pages() {
		share := 1 / float64(page+1) / all
		once := make([]float64, d*d)
		for i := range d {
			t.to(row, matrix[i*d:(i+1)*d], page)
			for j, x := range row {
				once[j*d+i] = x
			}
		}
		for j := range d {
			t.to(row, once[j*d:(j+1)*d], page)
			for i, x := range row {
				out[i*d+j] += share * x
			}
		}
	}
	return out
}

// pages returns how many pages there are.
func (t *turns) pages() int {
	if t == nil {
		return 1
	}
	return len(t.cos)
}

// page returns the page of a position.
func (t *turns) page(position int) int {
	if t == nil {
		return 0
	}
	return position / pageTokens
}

// to sets out to a row of position 0 turned to the middle of a page; back turns it
// from there to position 0.
func (t *turns) to(out, row []float64, page int)   { t.turn(out, row, page, 1) }
func (t *turns) back(out, row []float64, page int) { t.turn(out, row, page, -1) }

func (t *turns) turn(out, row []float64, page int, sign float64) {
	copy(out, row)
	if t == nil {
		return
	}
	for i := range t.rope.Speeds {
		a, b := t.rope.Pair(i)
		cos, sin := float64(t.cos[page][i]), sign*float64(t.sin[page][i])
		out[a], out[b] = row[a]*cos-row[b]*sin, row[a]*sin+row[b]*cos
	}
}
