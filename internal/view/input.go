package view

import (
	"image"
	"math"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// Action is what a key does beside writing a character.
type Action int

// Keys that write none.
const (
	Left Action = iota
	Right
	Up
	Down
	End
	Escape
)

// Key answers to a key.
func (v *View) Key(a Action) {
	v.dirty = true
	switch a {
	case Left:
		v.span.move(-0.2)
	case Right:
		v.span.move(0.2)
	case Up:
		v.source.Faster(2)
	case Down:
		v.source.Faster(0.5)
	case End:
		v.span.follow = true
		v.span.all = false
		v.span.shown = min(v.span.shown, followed)
		v.span.settle()
	case Escape:
		v.help, v.chosen = false, -1
	}
}

// followed are the tokens that following shows at most.
const followed = 200

// Char answers to a character, and tells whether the window is to close.
func (v *View) Char(r rune) (closes bool) {
	v.dirty = true
	switch r {
	case '?', 'h':
		v.help = !v.help
	case ' ':
		v.source.Pause(!v.status.Paused)
	case '.':
		v.source.Skip(1)
	case ',':
		v.source.Skip(-1)
	case 'g':
		v.source.Rewind(false)
	case 'G':
		v.source.Rewind(true)
	case 'k', 'K':
		v.show((v.kinds + 1) % 3)
	case '+', '=':
		v.span.zoom(1.5, 0.5)
	case '-':
		v.span.zoom(1/1.5, 0.5)
	case '0':
		v.span.all = true
		v.span.follow = false
		v.span.settle()
	case 'n':
		v.choose(v.chosen + 1)
	case 'p':
		v.choose(v.chosen - 1)
	case '[':
		v.retarget(false)
	case ']':
		v.retarget(true)
	case 'b':
		v.budget(0)
	case 'q':
		return true
	}
	return false
}

// Scroll answers to the wheel at a place; up is positive.
func (v *View) Scroll(at image.Point, by float64) {
	if by == 0 || v.state == nil {
		return
	}
	v.dirty = true
	if at.In(v.layout.text) {
		v.scroll += int(math.Copysign(max(1, math.Abs(by)), by)) * 2
		return
	}
	r := v.layout.cells
	part := min(max(float64(at.X-r.Min.X)/float64(max(1, r.Dx())), 0), 1)
	v.span.zoom(math.Pow(1.25, by), part)
}

// Drag moves the map by pixels.
func (v *View) Drag(pixels int) {
	if pixels != 0 {
		v.dirty = true
		v.span.move(-float64(pixels) / float64(max(1, v.layout.cells.Dx())))
	}
}

// InMap tells whether a place is one where dragging moves the map.
func (v *View) InMap(at image.Point) bool {
	l := &v.layout
	return at.In(l.importance.Union(l.axis))
}

// Click answers to a click at a place.
func (v *View) Click(at image.Point) {
	if v.state == nil {
		return
	}
	l := &v.layout
	switch {
	case at.In(l.text):
		if t := v.tokenOfText(at); t >= 0 {
			v.choose(t)
		}
	case v.InMap(at):
		if at.In(l.cells) {
			v.layer = (at.Y - l.cells.Min.Y) * v.state.Layers / l.cells.Dy()
		}
		v.choose(int(v.span.token(l.cells, at.X)))
	}
}

// choose chooses a token, and shows it in the map.
func (v *View) choose(token int) {
	if v.state == nil || len(v.state.Tokens) == 0 {
		return
	}
	v.dirty = true
	v.chosen = min(max(token, 0), len(v.state.Tokens)-1)
	if at := float64(v.chosen); !v.span.all && (at < v.span.first || at >= v.span.first+v.span.shown) {
		v.span.follow = false
		v.span.first = at - v.span.shown/2
		v.span.settle()
	}
}

// Steps of targets.
const (
	errorStep  = math.Sqrt2
	budgetStep = 0.05
)

// retarget asks for more bits, or for fewer.
func (v *View) retarget(more bool) {
	if v.state == nil || v.status.Fixed {
		return
	}
	t, factor := v.state.Target, errorStep
	if v.wanted != nil {
		t = *v.wanted
	}
	if more {
		factor = 1 / errorStep
	}
	switch {
	case t.KeyError > 0:
		t.KeyError, t.ValueError = t.KeyError*factor, t.ValueError*factor
		v.want(t)
	case v.state.Levels && len(v.state.Samples) > 0:
		now := t.Budget
		if now == 0 {
			now = v.state.Samples[len(v.state.Samples)-1].Live
		}
		if more {
			v.budget(now + int64(budgetStep*float64(now)))
		} else {
			v.budget(now - int64(budgetStep*float64(now)))
		}
	}
}

// budget asks for a budget of bytes.
func (v *View) budget(bytes int64) {
	if v.state != nil && v.state.Levels && !v.status.Fixed {
		v.want(recording.Target{Budget: bytes})
	}
}

// want asks for a target.
func (v *View) want(t recording.Target) {
	v.wanted = &t
	v.source.Retarget(t)
}
