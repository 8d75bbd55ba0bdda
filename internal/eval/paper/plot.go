package paper

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/qaqvk/qaqvk/internal/palette"
)

// line is a curve of a chart, with the 95 % confidence intervals of its points.
type line struct {
	name   string
	points plotter.XYs
	bars   plotter.YErrors // from and to each point
}

// value is a measured one with its confidence interval.
type value struct{ y, low, high float64 }

// around is a value of which half of the interval is known; nil: it was not measured.
func around(y *float64, half float64) *value {
	if y == nil {
		return nil
	}
	return &value{*y, *y - half, *y + half}
}

// add adds a point, if there is one.
func (l *line) add(x float64, v *value) {
	if v != nil && !math.IsNaN(x) {
		l.points = append(l.points, plotter.XY{X: x, Y: v.y})
		l.bars = append(l.bars, struct{ Low, High float64 }{v.y - v.low, v.high - v.y})
	}
}

// aboveZero are the points that a logarithm can show, with bars down to a quarter of
// them at most.
func (l line) aboveZero() (out line) {
	out.name = l.name
	for i, p := range l.points {
		if p.Y > 0 {
			out.points = append(out.points, p)
			out.bars = append(out.bars, struct{ Low, High float64 }{min(l.bars[i].Low, p.Y*3/4), l.bars[i].High})
		}
	}
	return out
}

// chart has curves over one axis.
type chart struct {
	x, y  string
	logY  bool
	ratio bool // x is a compression ratio
	lines []line
}

// drawing is a plot and what its curves are called.
type drawing struct {
	svg    []byte
	legend []entry
}

// entry is a curve of a legend: SVG's colour and dashes.
type entry struct{ Name, Color, Dashes string }

// colors can be told apart, and once more by their dashes.
var colors = palette.Lines

// draw draws the chart.
func (c chart) draw() (d drawing, err error) {
	p := newPlot(c.x, c.y)
	p.Add(plotter.NewGrid())
	for i, l := range c.lines {
		if c.logY {
			l = l.aboveZero()
		}
		if len(l.points) == 0 {
			continue
		}
		e, err := addLine(p, l, colors[i%len(colors)], i/len(colors))
		if err != nil {
			return d, fmt.Errorf("paper: plot of %s: %w", l.name, err)
		}
		d.legend = append(d.legend, e)
	}
	if c.ratio {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ratioTicks
	}
	if c.logY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	d.svg, err = render(p)
	return d, err
}

// addLine adds a curve with its points and their intervals; dash 0: without dashes.
func addLine(p *plot.Plot, l line, c color.RGBA, dash int) (entry, error) {
	curve, dots, err := plotter.NewLinePoints(l.points)
	if err != nil {
		return entry{}, err
	}
	bars, err := plotter.NewYErrorBars(struct {
		plotter.XYs
		plotter.YErrors
	}{l.points, l.bars})
	if err != nil {
		return entry{}, err
	}
	e := entry{Name: l.name, Color: fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)}
	curve.Color, dots.Color, bars.Color = c, c, c
	curve.Width, bars.Width, bars.CapWidth = vg.Points(1.2), vg.Points(0.6), vg.Points(3)
	if dash > 0 {
		curve.Dashes = []vg.Length{vg.Points(float64(4 * dash)), vg.Points(3)}
		e.Dashes = fmt.Sprintf("%d 3", 4*dash)
	}
	dots.Shape, dots.Radius = draw.CircleGlyph{}, vg.Points(2)
	p.Add(bars, curve, dots)
	return e, nil
}

// ratioTicks are the compression ratios that are marked.
var ratioTicks = func() (ticks plot.ConstantTicks) {
	for _, r := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40} {
		ticks = append(ticks, plot.Tick{Value: r, Label: strconv.FormatFloat(r, 'g', -1, 64)})
	}
	return ticks
}()

// newPlot is a plot whose labels can be read where it is as narrow as a phone.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Size, a.Tick.Label.Font.Size = vg.Points(12), vg.Points(11)
	}
	return p
}

// heat draws cells, [y][x] from 0 to 1; small values are lifted by a square root.
func heat(cells [][]float32) (d drawing, err error) {
	p := newPlot("block of tokens", "block of queries")
	colors := moreland.Kindlmann()
	colors.SetMin(0)
	colors.SetMax(1)
	m := plotter.NewHeatMap(grid(cells), reversed(colors.Palette(64).Colors()))
	m.Min, m.Max = 0, 1
	p.Add(m)
	d.svg, err = render(p)
	return d, err
}

type reversed []color.Color

// Colors implements palette.Palette: dark is much.
func (r reversed) Colors() []color.Color {
	out := make([]color.Color, len(r))
	for i, c := range r {
		out[len(r)-1-i] = c
	}
	return out
}

// grid implements plotter.GridXYZ.
type grid [][]float32

func (g grid) Dims() (c, r int)   { return len(g[0]), len(g) }
func (g grid) Z(c, r int) float64 { return math.Sqrt(float64(g[r][c])) }
func (g grid) X(c int) float64    { return float64(c) }
func (g grid) Y(r int) float64    { return float64(r) }

// render draws a plot of 5 by 3.8 inches.
func render(p *plot.Plot) ([]byte, error) {
	canvas := vgsvg.New(5*vg.Inch, 3.8*vg.Inch)
	const edge = 12 // points, for labels at the ends of axes
	p.Draw(draw.Crop(draw.New(canvas), 0, -edge, 0, -edge))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("paper: plot: %w", err)
	}
	svg := b.Bytes()
	if at := bytes.Index(svg, []byte("<svg")); at > 0 { // an XML header has no place inside HTML
		svg = svg[at:]
	}
	return svg, nil
}
