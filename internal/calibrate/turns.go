package calibrate

import "github.com/qaqvk/qaqvk/backend/profile"

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
		cos, sin := make([]float32, len(rope.Speeds)), make([]float32, len(rope.Speeds))
		rope.Turn(first+pageTokens/2, cos, sin)
		t.cos, t.sin = append(t.cos, cos), append(t.sin, sin)
	}
	return t
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
