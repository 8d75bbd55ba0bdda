package view

import (
	"fmt"
	"image"
	"strconv"
	"strings"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// past is the history of the chosen token, as far as the steps go.
type past struct {
	token, steps int
	list         []recording.Past
}

func (p *past) reset() { *p = past{token: -1} }

// history brings the history of the chosen token up to date.
func (v *View) history() []recording.Past {
	if p := &v.past; p.token != v.chosen || p.steps != len(v.state.Steps) {
		*p = past{v.chosen, len(v.state.Steps), v.state.History(v.kinds, v.chosen)}
	}
	return v.past.list
}

// drawDetail draws what is known of the chosen token.
func (v *View) drawDetail(c canvas, r image.Rectangle) {
	f := &v.fonts
	c = c.within(r)
	if v.chosen < 0 {
		c.text(f.plain, r.Min.X, r.Min.Y, "click a token: its bits over time", soft)
		return
	}
	y := r.Min.Y
	x := c.text(f.bold, r.Min.X, y, "token "+strconv.Itoa(v.chosen), accent) + v.px(8)
	c.textFit(f.bold, x, y, r.Max.X-x, strconv.Quote(v.state.Tokens[v.chosen].Text), ink)
	y += f.plain.height() + v.px(3)
	for _, s := range v.facts() {
		c.textFit(f.plain, r.Min.X, y, r.Dx(), s, soft)
		y += f.plain.height() + v.px(2)
	}
	if v.chosen < v.state.Stored {
		v.drawHistory(c, image.Rect(r.Min.X, y+v.px(2), r.Max.X, r.Max.Y))
	}
}

// facts are lines of text about the chosen token.
func (v *View) facts() []string {
	s, t := v.state, v.chosen
	if t >= s.Stored {
		return []string{"in the recent window: as it came"}
	}
	bytes, raw := s.TokenBytes(v.kinds, t), s.RawBytes(v.kinds)
	line := fmt.Sprintf("%.0f bytes of %s, %.2f of f16", bytes, v.kinds, bytes/raw)
	what := []string{}
	if t < len(s.Importance) && s.Importance[t] > 0 {
		what = append(what, fmt.Sprintf("importance %.2g", recording.DecodeImportance(s.Importance[t])))
	}
	if s.Sink(t) {
		what = append(what, "a sink")
	}
	what = append(what, fmt.Sprintf("layer %d: %s", v.layer, v.cellText(s.Cell(v.kinds, v.layer, v.layer+1, t, t+1))))
	return []string{line, strings.Join(what, ", ")}
}

// cellText is a cell in words.
func (v *View) cellText(c recording.Cell) string {
	name := "bits"
	if v.state.Levels {
		name = "level"
	}
	switch {
	case c.Raw == 1:
		return "as it came"
	case c.Evicted == 1:
		return "evicted"
	case c.Raw > 0:
		return fmt.Sprintf("%s %.2g, %.0f %% raw", name, c.Mean, 100*c.Raw)
	}
	return fmt.Sprintf("%s %.3g", name, c.Mean)
}

// drawHistory draws the bits of the chosen token by layer, over the length of the text.
func (v *View) drawHistory(c canvas, r image.Rectangle) {
	list, f := v.history(), v.fonts.plain
	if len(list) == 0 || r.Dy() < 2*f.height() {
		return
	}
	axis := r.Max.Y - f.height()
	first, now := list[0].Tokens, len(v.state.Tokens)
	r.Max.Y = axis - 1
	at := func(tokens int) int {
		return r.Min.X + (tokens-first)*r.Dx()/max(1, now+1-first)
	}
	layers := len(list[0].Cells)
	for i, p := range list {
		from, to := at(p.Tokens), r.Max.X
		if i+1 < len(list) {
			to = at(list[i+1].Tokens)
		}
		for l, cell := range p.Cells {
			c.fill(image.Rect(from, r.Min.Y+l*r.Dy()/layers, max(to, from+1), r.Min.Y+(l+1)*r.Dy()/layers), v.colorOf(cell))
		}
	}
	y := r.Min.Y + v.layer*r.Dy()/layers
	c.frame(image.Rect(r.Min.X-1, y-1, r.Max.X+1, r.Min.Y+(v.layer+1)*r.Dy()/layers+1), accent, 1)
	x := c.text(f, r.Min.X, axis, strconv.Itoa(first), soft)
	c.textRight(f, r.Max.X, axis, strconv.Itoa(now), soft)
	name := "tokens of text; rows: layers"
	c.text(f, max(x+v.px(8), (r.Min.X+r.Max.X-f.width(name))/2), axis, name, soft)
}
