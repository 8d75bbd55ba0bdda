package view

import (
	"fmt"
	"image"
	"math"
	"strconv"

	"github.com/qaqvk/qaqvk/internal/palette"
	"github.com/qaqvk/qaqvk/internal/recording"
)

// drawMap draws the cells, what lies above and below them, and the legend.
func (v *View) drawMap(c canvas) {
	l := &v.layout
	v.drawCells(c.within(l.cells))
	v.drawImportance(c.within(l.importance))
	v.drawMoves(c.within(l.moves))
	v.drawAxis(c)
	v.drawLayers(c)
	v.drawChosen(c)
	v.drawLegend(c)
}

// columns are the stored tokens that columns of pixels show, -1 in the recent window and
// -2 behind the text.
func (v *View) columns(r image.Rectangle) []int {
	list := make([]int, r.Dx())
	for x := range list {
		switch t := int(v.span.token(r, r.Min.X+x)); {
		case t < v.state.Stored:
			list[x] = t
		case t < len(v.state.Tokens):
			list[x] = -1
		default:
			list[x] = -2
		}
	}
	return list
}

func (v *View) drawCells(c canvas) {
	r := v.layout.cells
	if r.Empty() {
		return
	}
	columns, row, drawn := v.columns(r), make([]uint8, 4*r.Dx()), -1
	for y := range r.Dy() {
		if layer := y * v.state.Layers / r.Dy(); layer != drawn {
			drawn = layer
			for x, t := range columns {
				col := panel
				switch {
				case t >= 0:
					col = v.colors[layer][t]
				case t == -1:
					col = inWindow
				}
				col = c.pixel(col)
				row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = col.R, col.G, col.B, 255
			}
		}
		copy(c.img.Pix[c.img.PixOffset(r.Min.X, r.Min.Y+y):], row)
	}
	if at := v.span.x(r, float64(v.state.Prompt)); v.state.Prompt < len(v.state.Tokens) { // where the answer begins
		c.fill(image.Rect(at, r.Min.Y, at+max(1, v.px(1)), r.Max.Y), ink)
	}
}

// bars calls for the rectangle of each token's column, and leaves a gap where there is
// room.
func (v *View) bars(r image.Rectangle, tokens int, draw func(token, from, to int)) {
	first := max(0, int(v.span.first))
	for t := first; t < tokens; t++ {
		from, to := v.span.x(r, float64(t)), v.span.x(r, float64(t+1))
		if from >= r.Max.X {
			return
		}
		if to-from > 3 {
			to--
		}
		draw(t, from, max(to, from+1))
	}
}

// importanceShown are the steps of importance below the most that are told apart: twelve
// doublings.
const importanceShown = 12 * recording.ImportanceSteps

func (v *View) drawImportance(c canvas) {
	r := v.layout.importance
	c.fill(r, panel)
	room, most := r.Dy()-v.px(12), 0
	for _, b := range v.state.Importance {
		most = max(most, int(b))
	}
	v.bars(r, min(len(v.state.Importance), v.state.Stored), func(t, from, to int) {
		high := (int(v.state.Importance[t]) - most + importanceShown) * room / importanceShown
		c.fill(image.Rect(from, r.Max.Y-high, to, r.Max.Y), ink)
	})
	v.bars(r, v.state.Stored, func(t, from, to int) {
		if v.state.Sink(t) {
			c.fill(image.Rect(from, r.Min.Y+v.px(1), max(to, from+v.px(2)), r.Min.Y+v.px(7)), accent)
		}
	})
}

// movesShown are the steps that a move is seen for.
const movesShown = 16

// drawMoves draws the part of a token's layers that moved up or down of late.
func (v *View) drawMoves(c canvas) {
	r := v.layout.moves
	middle, half := (r.Min.Y+r.Max.Y)/2, r.Dy()/2-v.px(2)
	c.fill(image.Rect(r.Min.X, middle, r.Max.X, middle+1), line)
	now := int32(len(v.state.Steps))
	v.bars(r, v.state.Stored, func(t, from, to int) {
		var up, down float64
		for l := range v.state.Moves {
			m := v.state.Moves[l][t]
			if age := now - m.Step; m.Step == 0 || age >= movesShown {
				continue
			} else if fresh := 1 - float64(age)/movesShown; m.Up {
				up += fresh
			} else {
				down += fresh
			}
		}
		// A root, so that few layers are seen.
		high := func(sum float64) int { return int(math.Sqrt(sum/float64(v.state.Layers)) * float64(half)) }
		c.fill(image.Rect(from, middle-high(up), to, middle), accent)
		c.fill(image.Rect(from, middle+1, to, middle+1+high(down)), cool)
	})
}

// drawAxis draws numbers of tokens, and which part of the text is shown.
func (v *View) drawAxis(c canvas) {
	r, f := v.layout.axis, v.fonts.plain
	step := 1
	for _, n := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1 << 24} {
		if step = n; float64(n)/v.span.shown*float64(r.Dx()) > float64(v.px(60)) {
			break
		}
	}
	for t := (int(v.span.first) + step - 1) / step * step; t < len(v.state.Tokens); t += step {
		x := v.span.x(r, float64(t))
		if x+f.width(strconv.Itoa(t)) > r.Max.X {
			break
		}
		c.fill(image.Rect(x, r.Min.Y, x+1, r.Min.Y+v.px(5)), soft)
		c.text(f, x+v.px(3), r.Min.Y+v.px(2), strconv.Itoa(t), soft)
	}
	if v.span.all {
		return
	}
	all := float64(max(v.span.tokens, leastAll))
	at := func(t float64) int { return r.Min.X + int(t/all*float64(r.Dx())) }
	y := r.Max.Y - v.px(3)
	c.fill(image.Rect(r.Min.X, y, r.Max.X, y+v.px(2)), line)
	c.fill(image.Rect(at(v.span.first), y, max(at(v.span.first+v.span.shown), at(v.span.first)+v.px(6)), y+v.px(2)), soft)
}

// drawLayers names the rows.
func (v *View) drawLayers(c canvas) {
	l, f := &v.layout, v.fonts.plain
	right := l.cells.Min.X - v.px(6)
	c.textRight(f, right, l.importance.Min.Y+(l.importance.Dy()-f.height())/2, "imp.", soft)
	c.textRight(f, right, l.moves.Min.Y+(l.moves.Dy()-f.height())/2, "±", soft)
	every := 1
	for every*l.cells.Dy()/v.state.Layers < f.height() && every < v.state.Layers {
		every++
	}
	if every > 2 {
		every = (every + 4) / 5 * 5
	}
	for layer := 0; layer < v.state.Layers; layer += every {
		y := l.cells.Min.Y + (2*layer+1)*l.cells.Dy()/(2*v.state.Layers) - f.height()/2
		c.textRight(f, right, y, strconv.Itoa(layer), soft)
	}
}

// drawChosen marks the chosen token.
func (v *View) drawChosen(c canvas) {
	if v.chosen < 0 {
		return
	}
	r := v.layout.importance.Union(v.layout.cells)
	from, to := v.span.x(r, float64(v.chosen)), v.span.x(r, float64(v.chosen+1))
	c = c.within(r)
	c.frame(image.Rect(from-v.px(2), r.Min.Y, max(to, from+1)+v.px(2), r.Max.Y), accent, max(1, v.px(1.5)))
}

func (v *View) drawLegend(c canvas) {
	r, f := v.layout.legend, v.fonts.plain
	y, box := r.Min.Y+v.px(5), v.px(14)
	name := "bits"
	if v.state.Levels {
		name = "level"
	}
	x := c.text(f, r.Min.X, y, v.kinds.String()+", "+name, ink) + v.px(8)
	most := v.mostCode()
	for code := range most + 1 {
		c.fill(image.Rect(x, y, x+box, y+box), palette.Scale(float64(code)/float64(most)))
		x = c.text(f, x+box+v.px(3), y, strconv.Itoa(code), soft) + v.px(7)
	}
	entry := func(name string, draw func(image.Rectangle)) {
		if x+box+f.width(name)+v.px(16) > r.Max.X {
			return
		}
		draw(image.Rect(x, y, x+box, y+box))
		x = c.text(f, x+box+v.px(3), y, name, soft) + v.px(9)
	}
	entry("as it came", func(b image.Rectangle) { c.fill(b, palette.Raw) })
	if v.state.Histogram[0][recording.Evicted]+v.state.Histogram[1][recording.Evicted] > 0 {
		entry("evicted", func(b image.Rectangle) { c.fill(b, palette.Evicted); c.frame(b, line, 1) })
	}
	entry("recent", func(b image.Rectangle) { c.fill(b, inWindow) })
	if v.state.Levels {
		entry("sink", func(b image.Rectangle) { b.Max.Y = b.Min.Y + b.Dy()/2; c.fill(b, accent) })
	}
	entry("promoted", func(b image.Rectangle) { b.Max.Y -= b.Dy() / 2; c.fill(b, accent) })
	entry("demoted", func(b image.Rectangle) { b.Min.Y += b.Dy() / 2; c.fill(b, cool) })
}

func megabytes(n int64) string { return fmt.Sprintf("%.2f MB", float64(n)/1e6) }
