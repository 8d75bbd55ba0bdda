package view

import (
	"image"
	"strings"
)

// placed is a token of the text, or a part of one, where it is drawn.
type placed struct {
	token int
	text  string
	at    image.Rectangle // from the panel's left
}

// wrapped are lines that were laid out, and of what.
type wrapped struct {
	tokens, width int
	font          *face
	lines         [][]placed
}

// laidOut are the lines of the text at a width.
func (v *View) laidOut(width int) [][]placed {
	if w := &v.wrapped; w.tokens != len(v.state.Tokens) || w.width != width || w.font != v.fonts.plain {
		*w = wrapped{len(v.state.Tokens), width, v.fonts.plain, v.wrap(width)}
	}
	return v.wrapped.lines
}

// wrap lays tokens out in lines of a width; a token goes to the next line whole.
func (v *View) wrap(width int) (lines [][]placed) {
	f, x := v.fonts.plain, 0
	current := []placed(nil)
	end := func() {
		lines = append(lines, current)
		current, x = nil, 0
	}
	for t, token := range v.state.Tokens[v.textBegin():] {
		t += v.textBegin()
		for i, part := range strings.Split(strings.ReplaceAll(token.Text, "\t", "    "), "\n") {
			if i > 0 {
				end()
			}
			w := f.width(part)
			if x > 0 && x+w > width {
				end()
				part = strings.TrimLeft(part, " ")
				w = f.width(part)
			}
			if part != "" {
				current = append(current, placed{t, part, image.Rect(x, 0, x+w, 0)})
				x += w
			}
		}
	}
	return append(lines, current)
}

// textBegin is the first token that is laid out: a text of many thousand tokens is not
// wrapped anew for each picture. It stays for many tokens, so that lines do not move.
func (v *View) textBegin() int {
	const most, step = 3000, 1000
	n := len(v.state.Tokens)
	if n <= most {
		return 0
	}
	return (n - most + step - 1) / step * step
}

// textLines are the lines of the panel.
func (v *View) textLines() (lines [][]placed, first, high int) {
	r := v.layout.text
	high = v.fonts.plain.height() + v.px(7)
	lines = v.laidOut(r.Dx())
	room := max(1, r.Dy()/high)
	v.scroll = min(max(v.scroll, 0), max(0, len(lines)-room))
	first = max(0, len(lines)-room-v.scroll)
	for i := first; i < len(lines); i++ {
		y := r.Min.Y + (i-first)*high
		for j := range lines[i] {
			at := &lines[i][j].at
			*at = image.Rect(at.Min.X, y, at.Max.X, y+high)
		}
	}
	return lines[first:min(len(lines), first+room)], first, high
}

// drawText draws the end of the text, each token over the colour of its mean.
func (v *View) drawText(c canvas) {
	c = c.within(v.layout.text)
	lines, _, high := v.textLines()
	bar := v.px(3)
	for _, l := range lines {
		for _, p := range l {
			col := inWindow
			if p.token < v.state.Stored {
				col = v.colorOf(v.state.Cell(v.kinds, 0, v.state.Layers, p.token, p.token+1))
			}
			p.at = p.at.Add(image.Pt(v.layout.text.Min.X, 0))
			if p.token == v.chosen {
				c.fill(image.Rect(p.at.Min.X, p.at.Min.Y, p.at.Max.X, p.at.Min.Y+high-v.px(2)), line)
			}
			y := p.at.Max.Y - v.px(6)
			c.fill(image.Rect(p.at.Min.X, y, p.at.Max.X, y+bar), col)
			c.text(v.fonts.plain, p.at.Min.X, p.at.Min.Y, p.text, ink)
		}
	}
}

// tokenOfText is the token at a place of the text, -1: none.
func (v *View) tokenOfText(at image.Point) int {
	lines, _, _ := v.textLines()
	for _, l := range lines {
		for _, p := range l {
			if at.In(p.at.Add(image.Pt(v.layout.text.Min.X, 0))) {
				return p.token
			}
		}
	}
	return -1
}
