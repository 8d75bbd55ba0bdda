package view

import "image"

// layout says where things lie.
type layout struct {
	top, status, side              image.Rectangle
	text                           image.Rectangle
	importance, moves, cells, axis image.Rectangle // one above the other, same columns
	legend                         image.Rectangle
}

func (v *View) newLayout(all image.Rectangle) (l layout) {
	m := v.px(margin)
	l.top = image.Rect(all.Min.X, all.Min.Y, all.Max.X, all.Min.Y+v.px(topHeight))
	l.status = image.Rect(all.Min.X, all.Max.Y-v.px(statusHeight), all.Max.X, all.Max.Y)
	side := v.px(sideWidth)
	if all.Dx() < 2*side { // a narrow window is the map's
		side = 0
	}
	l.side = image.Rect(all.Max.X-side, l.top.Max.Y, all.Max.X, l.status.Min.Y)
	left := image.Rect(all.Min.X+m, l.top.Max.Y+m, l.side.Min.X-m, l.status.Min.Y)
	l.text = left
	l.text.Max.Y = left.Min.Y + int(float64(left.Dy())*textPart)
	columns := image.Rect(left.Min.X+v.px(gutter), l.text.Max.Y+m, left.Max.X, left.Max.Y)
	l.importance, l.moves, l.cells, l.axis = columns, columns, columns, columns
	l.importance.Max.Y = columns.Min.Y + v.px(stripHeight)
	l.moves.Min.Y, l.moves.Max.Y = l.importance.Max.Y, l.importance.Max.Y+v.px(movesHeight)
	l.legend = image.Rect(left.Min.X, left.Max.Y-v.px(legendHeight), left.Max.X, left.Max.Y)
	l.axis.Min.Y, l.axis.Max.Y = l.legend.Min.Y-v.px(axisHeight), l.legend.Min.Y
	l.cells.Min.Y, l.cells.Max.Y = l.moves.Max.Y, max(l.moves.Max.Y, l.axis.Min.Y)
	return l
}

// span is the part of the tokens that the map shows.
type span struct {
	first, shown float64
	all          bool // the whole text
	follow       bool // its end
	tokens       int
}

const (
	leastShown = 8
	leastAll   = 64 // so that a short text is not drawn out
)

// grow takes in that the text has so many tokens.
func (s *span) grow(tokens int) {
	if tokens == s.tokens {
		return
	}
	s.tokens = tokens
	s.settle()
}

// settle keeps the span within the text.
func (s *span) settle() {
	most := float64(max(s.tokens, leastAll))
	if s.all {
		s.first, s.shown = 0, most
		return
	}
	s.shown = min(max(s.shown, leastShown), most)
	if s.follow {
		s.first = most
	}
	s.first = min(max(s.first, 0), most-s.shown)
}

// zoom shows fewer tokens by a factor; what lies at a part of the width stays there.
func (s *span) zoom(factor, part float64) {
	at := s.first + part*s.shown
	before := s.shown
	s.all = false
	s.shown /= factor
	s.settle()
	if !s.follow || s.shown < before && part < 0.9 {
		s.follow = false
		s.first = at - part*s.shown
	}
	if s.settle(); s.shown >= float64(max(s.tokens, leastAll)) {
		s.all = true
	}
}

// move moves by a part of what is shown.
func (s *span) move(part float64) {
	if s.all {
		return
	}
	s.follow = false
	s.first += part * s.shown
	s.settle()
	s.follow = s.first+s.shown >= float64(s.tokens) && part > 0
}

// x is where a token's column begins.
func (s *span) x(r image.Rectangle, token float64) int {
	return r.Min.X + int((token-s.first)/s.shown*float64(r.Dx()))
}

// token is the one at a column, fractional.
func (s *span) token(r image.Rectangle, x int) float64 {
	return s.first + (float64(x-r.Min.X)+0.5)/float64(max(1, r.Dx()))*s.shown
}
