package view

import (
	"image"
	"image/color"
	"math"
	"time"

	"github.com/qaqvk/qaqvk/internal/palette"
	"github.com/qaqvk/qaqvk/internal/recording"
)

// View is what a window shows: the state of a run, and what its user looks at. It is
// for one goroutine at a time.
type View struct {
	// BlueFirst draws pixels of blue, green, red and alpha, as windows want them.
	BlueFirst bool

	source Source
	state  *recording.State // nil: the run has not begun
	end    *recording.End
	status Status

	colors [][]color.RGBA // [layer][stored token], of the kinds shown
	kinds  recording.Kinds
	span   span
	chosen int // token, -1: none
	layer  int // of the chosen one
	past   past
	wanted *recording.Target // asked for, and not there yet
	help   bool
	scroll int // lines of the text, from the end

	wrapped wrapped

	layout layout
	fonts  faces
	scale  float64
	dirty  bool
}

// Status is what a source is doing.
type Status struct {
	Doing  string // generating, paused, ...
	Paused bool
	Fixed  bool    // a recording: targets cannot be changed
	Speed  float64 // of a replay; 0: it is none
}

// Source is where steps come from: a run, or a recording.
type Source interface {
	// Poll gives the steps since the last call; with reset, all steps from the first
	// on. header is nil before the beginning, end before the end.
	Poll() Update
	Pause(paused bool)
	// Skip goes so many tokens on, or back where it can.
	Skip(tokens int)
	// Rewind goes to the beginning, or to the end.
	Rewind(end bool)
	// Faster changes the speed of a replay.
	Faster(factor float64)
	Retarget(recording.Target)
	Status() Status
}

// Update is what a source has that is new.
type Update struct {
	Header *recording.Header
	Steps  []*recording.Step
	Reset  bool
	End    *recording.End
}

// New makes a view of a source.
func New(s Source) *View { return &View{source: s, chosen: -1, dirty: true, span: span{all: true}} }

// Poll takes in what is new, and tells whether there is anything to draw.
func (v *View) Poll() bool {
	u := v.source.Poll()
	if u.Header != nil && (v.state == nil || u.Reset) {
		v.state = recording.NewState(u.Header)
		v.colors = make([][]color.RGBA, u.Header.Layers)
		v.past.reset()
		v.wrapped = wrapped{}
		v.dirty = true
	}
	for _, step := range u.Steps {
		if err := v.state.Apply(step); err != nil {
			v.state.Note = err.Error() // of a run, that cannot be: a recording was read before
			break
		}
		v.paint(step)
		if step.Target != nil {
			v.wanted = nil
		}
		v.dirty = true
	}
	if s := v.source.Status(); s != v.status || u.End != v.end {
		v.status, v.end, v.dirty = s, u.End, true
	}
	if v.state != nil {
		v.span.grow(len(v.state.Tokens))
		v.chosen = min(v.chosen, len(v.state.Tokens)-1)
	}
	return v.dirty
}

// paint brings the colours of what a step changed up to date.
func (v *View) paint(step *recording.Step) {
	for l := range v.colors {
		if n := v.state.Stored - len(v.colors[l]); n > 0 {
			v.colors[l] = append(v.colors[l], make([]color.RGBA, n)...)
		}
	}
	for _, r := range step.Runs {
		v.paintCells(r.Layer, r.First/v.state.Groups, (r.First+len(r.Codes)+v.state.Groups-1)/v.state.Groups)
	}
}

func (v *View) paintCells(layer, from, to int) {
	for t := from; t < to; t++ {
		v.colors[layer][t] = v.colorOf(v.state.Cell(v.kinds, layer, layer+1, t, t+1))
	}
}

// show shows other kinds.
func (v *View) show(k recording.Kinds) {
	v.kinds, v.dirty = k, true
	v.past.reset()
	for l := range v.colors {
		v.paintCells(l, 0, len(v.colors[l]))
	}
}

// mostCode is the last code of the scale.
func (v *View) mostCode() int {
	if v.state.Levels {
		return 9
	}
	return 8
}

// colorOf is the colour of a cell: raw and evicted groups mix with those on the scale.
func (v *View) colorOf(c recording.Cell) color.RGBA {
	out := palette.Scale(c.Mean / float64(v.mostCode()))
	if c.Raw > 0 {
		out = palette.Mix(out, palette.Raw, c.Raw)
	}
	if c.Evicted > 0 {
		out = palette.Mix(out, palette.Evicted, c.Evicted)
	}
	return out
}

// Next is how long nothing new comes for, where the source knows.
func (v *View) Next() (wait time.Duration, ok bool) {
	if s, is := v.source.(interface{ Next() (time.Duration, bool) }); is {
		return s.Next()
	}
	return 0, false
}

// Draw draws everything into a picture. scale is pixels of a unit: 1, or more on
// screens of fine pixels.
func (v *View) Draw(img *image.RGBA, scale float64) error {
	if v.scale != scale {
		fonts, err := newFaces(scale)
		if err != nil {
			return err
		}
		v.fonts, v.scale = fonts, scale
	}
	v.dirty = false
	v.layout = v.newLayout(img.Rect)
	c := canvas{img, img.Rect, v.BlueFirst}
	c.fill(img.Rect, paper)
	v.drawTop(c)
	if v.state == nil {
		c.text(v.fonts.plain, v.layout.text.Min.X, v.layout.text.Min.Y, "waiting for the first tokens", soft)
	} else {
		v.drawText(c)
		v.drawMap(c)
		v.drawSide(c)
	}
	v.drawStatus(c)
	if v.help {
		v.drawHelp(c)
	}
	return nil
}

// px is a length in pixels.
func (v *View) px(units float64) int { return int(math.Round(units * v.scale)) }
