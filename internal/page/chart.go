package page

import (
	"bytes"
	"fmt"
	"html/template"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/qaqvk/qaqvk/internal/palette"
)

// Line is a curve of a chart.
type Line struct {
	Name   string
	Points plotter.XYs
}

// Add adds a point.
func (l *Line) Add(x, y float64) { l.Points = append(l.Points, plotter.XY{X: x, Y: y}) }

// Chart has curves over one axis, from 0 on both.
type Chart struct {
	X, Y  string
	Lines []Line
}

// mostPoints are the points of a curve that a plot of this width can show.
const mostPoints = 400

// thinned are evenly spread points, the last one included.
func thinned(p plotter.XYs) (out plotter.XYs) {
	every := (len(p) + mostPoints - 1) / mostPoints
	for i := range p {
		if i%every == 0 || i == len(p)-1 {
			out = append(out, p[i])
		}
	}
	return out
}

// SVG draws the chart.
func (c Chart) SVG() (template.HTML, error) {
	p := empty(c.X, c.Y)
	p.Add(plotter.NewGrid())
	for i, l := range c.Lines {
		if len(l.Points) == 0 {
			continue
		}
		curve, err := plotter.NewLine(thinned(l.Points))
		if err != nil {
			return "", fmt.Errorf("page: plot of %s: %w", l.Name, err)
		}
		curve.Color, curve.Width = palette.Lines[i%len(palette.Lines)], vg.Points(1.5)
		p.Add(curve)
		p.Legend.Add(l.Name, curve)
	}
	p.X.Min, p.Y.Min = 0, 0
	return render(p)
}

// Bars has a bar for each name of some series.
type Bars struct {
	X, Y   string
	Names  []string
	Series []Series
}

// Series are the values of bars.
type Series struct {
	Name   string
	Values []float64
}

// SVG draws the bars.
func (b Bars) SVG() (template.HTML, error) {
	p := empty(b.X, b.Y)
	width := vg.Points(float64(330) / float64(len(b.Names)*len(b.Series)))
	for i, s := range b.Series {
		bars, err := plotter.NewBarChart(plotter.Values(s.Values), width)
		if err != nil {
			return "", fmt.Errorf("page: bars of %s: %w", s.Name, err)
		}
		bars.Color, bars.LineStyle.Width = palette.Lines[i%len(palette.Lines)], 0
		bars.Offset = width * vg.Length(2*i-len(b.Series)+1) / 2
		p.Add(bars)
		p.Legend.Add(s.Name, bars)
	}
	p.NominalX(b.Names...)
	p.Y.Min = 0
	return render(p)
}

// empty is a plot without curves, its legend right of what it shows.
func empty(x, y string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.BackgroundColor = nil
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, 5.0*vg.Inch
	return p
}

// render draws a plot of 7 by 3.5 inches.
func render(p *plot.Plot) (template.HTML, error) {
	canvas := vgsvg.New(7*vg.Inch, 3.5*vg.Inch)
	const edge, legend = 12, 1.4 * vg.Inch // points, for labels at the ends of axes
	p.Draw(draw.Crop(draw.New(canvas), 0, -legend, 0, -edge))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", fmt.Errorf("page: plot: %w", err)
	}
	svg := b.Bytes()
	if at := bytes.Index(svg, []byte("<svg")); at >= 0 { // an XML header has no place inside HTML
		svg = svg[at:]
	}
	return template.HTML(svg), nil
}
