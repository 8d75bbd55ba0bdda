package view

import (
	"fmt"
	"image"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// drawTop draws what runs, and how fast.
func (v *View) drawTop(c canvas) {
	r, f := v.layout.top, &v.fonts
	c.fill(r, panel)
	y := r.Min.Y + (r.Dy()-f.title.height())/2
	x := c.text(f.title, r.Min.X+v.px(margin), y, "qaqvk", ink) + v.px(14)
	right := r.Max.X - v.px(margin)
	doing, col := v.status.Doing, soft
	if v.status.Paused {
		col = accent
	}
	c.textRight(f.bold, right, r.Min.Y+(r.Dy()-f.bold.height())/2, doing, col)
	right -= f.bold.width(doing) + v.px(18)
	if v.state == nil {
		return
	}
	speed := fmt.Sprintf("%d tokens   %.1f tokens/s", len(v.state.Tokens), v.state.Rate())
	y = r.Min.Y + (r.Dy()-f.plain.height())/2
	c.textRight(f.plain, right, y, speed, ink)
	right -= f.plain.width(speed) + v.px(18)
	c.textFit(f.plain, x, y, right-x, v.state.Model+"   "+v.state.Policy+"   "+v.state.Device, soft)
}

// drawStatus draws the keys that matter most, or what went wrong.
func (v *View) drawStatus(c canvas) {
	r, f := v.layout.status, v.fonts.plain
	c.fill(r, panel)
	y, x := r.Min.Y+(r.Dy()-f.height())/2, r.Min.X+v.px(margin)
	if v.state != nil && v.state.Note != "" {
		c.textFit(f, x, y, r.Max.X-v.px(margin)-x, v.state.Note, warning)
		return
	}
	for _, k := range v.hints() {
		if x+v.fonts.bold.width(k.key)+f.width(k.does)+v.px(24) > r.Max.X {
			return
		}
		x = c.text(v.fonts.bold, x, y, k.key, ink) + v.px(5)
		x = c.text(f, x, y, k.does, soft) + v.px(16)
	}
}

// drawHelp lists all keys.
func (v *View) drawHelp(c canvas) {
	keys := v.keys()
	f, high := v.fonts.plain, v.fonts.plain.height()+v.px(5)
	wide := 0
	for _, k := range keys {
		wide = max(wide, f.width(k.does))
	}
	column := v.px(120)
	size := image.Pt(wide+column+v.px(40), high*(len(keys)+1)+v.px(36))
	at := c.img.Rect.Min.Add(c.img.Rect.Size().Sub(size).Div(2))
	r := image.Rectangle{at, at.Add(size)}
	c.fill(r, panel)
	c.frame(r, soft, max(1, v.px(1)))
	x, y := r.Min.X+v.px(20), r.Min.Y+v.px(16)
	c.text(v.fonts.bold, x, y, "Keys and mouse", ink)
	for _, k := range keys {
		y += high
		c.text(v.fonts.bold, x, y, k.key, accent)
		c.text(f, x+column, y, k.does, ink)
	}
}

// key is a line of the help.
type key struct{ key, does string }

// hints are the keys that the status line names.
func (v *View) hints() []key {
	list := []key{{"?", "keys"}, {"space", "pause"}, {".", "a token"}, {"k", "K or V"}, {"click", "a token's history"}}
	switch {
	case v.status.Speed > 0:
		list = append(list, key{", .", "back, on"}, key{"up down", "speed"})
	case !v.status.Fixed && v.state != nil && v.state.Target.KeyError > 0:
		list = append(list, key{"[ ]", "larger, smaller error target"})
	case !v.status.Fixed && v.state != nil && v.state.Levels:
		list = append(list, key{"[ ]", "smaller, larger byte budget"})
	}
	return append(list, key{"wheel + −", "zoom"}, key{"drag ← →", "move"})
}

// keys are all.
func (v *View) keys() []key {
	list := []key{
		{"space", "pause, and go on"},
		{".", "a token on, and pause"},
	}
	if v.status.Speed > 0 {
		list = append(list, key{",", "a token back"}, key{"up, down", "faster, slower"}, key{"g, shift g", "to the beginning, to the end"})
	} else if !v.status.Fixed {
		list = append(list, key{"[, ]", "fewer bits, more bits: target error times or by the root of 2, or 5 % of the byte budget"}, key{"b", "no byte budget"})
	}
	return append(list,
		key{"k", "show K and V, K, V"},
		key{"click", "choose a token and a layer, in the map or the text"},
		key{"n, p", "the next token, the one before"},
		key{"escape", "choose none"},
		key{"wheel, +, −", "zoom the map; over the text: scroll it"},
		key{"drag, ←, →", "move the map"},
		key{"0, end", "all tokens; follow the newest ones"},
		key{"?, h", "this list, and away with it"},
		key{"q", "close the window; the run goes on"},
	)
}

// target is the target in words.
func target(s *recording.State) string {
	switch t := s.Target; {
	case t.KeyError > 0:
		return fmt.Sprintf("K %.3g, V %.3g", t.KeyError, t.ValueError)
	case t.Budget > 0:
		return megabytes(t.Budget)
	case s.Levels:
		return "no budget"
	}
	return "none"
}
