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
)

// line is a curve of a chart.
type line struct {
	name   string
	points plotter.XYs
}

// add adds a point, if there is one.
func (l *line) add(x float64, y *float64) {
	if y != nil && !math.IsNaN(x) {
		l.points = append(l.points, plotter.XY{X: x, Y: *y})
	}
}

// chart has curves over one axis.
type chart struct {
	x, y  string
	logY  bool
	ratio bool // x is a compression ratio
	falls bool // curves fall: the legend lies at the top
	lines []line
}

// colors can be told apart by those who do not see red and green apart (Okabe and
// Ito), and once more by their dashes.
var colors = []color.RGBA{{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255}, {0, 0, 0, 255}}

// svg draws the chart.
func (c chart) svg() ([]byte, error) {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = c.x, c.y
	p.Add(plotter.NewGrid())
	// Names right of their lines: no drawing program's fonts can push them out.
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = c.falls, true, 5.3*vg.Inch
	if c.ratio {
		p.Legend.XOffs = 3.9 * vg.Inch
	}
	for i, l := range c.lines {
		points := l.points
		if c.logY {
			points = aboveZero(points)
		}
		if len(points) == 0 {
			continue
		}
		curve, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, fmt.Errorf("paper: plot of %s: %w", l.name, err)
		}
		curve.Color, dots.Color = colors[i%len(colors)], colors[i%len(colors)]
		if n := i / len(colors); n > 0 {
			curve.Dashes = []vg.Length{vg.Points(float64(3 * n)), vg.Points(3)}
		}
		dots.Shape = draw.CircleGlyph{}
		p.Add(curve, dots)
		p.Legend.Add(l.name, curve, dots)
	}
	if c.ratio {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, ratioTicks
	}
	if c.logY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	return render(p)
}

// ratioTicks are the compression ratios that are marked.
var ratioTicks = func() (ticks plot.ConstantTicks) {
	for _, r := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40} {
		ticks = append(ticks, plot.Tick{Value: r, Label: strconv.FormatFloat(r, 'g', -1, 64)})
	}
	return ticks
}()

// aboveZero are the points that a logarithm can show.
func aboveZero(points plotter.XYs) (out plotter.XYs) {
	for _, p := range points {
		if p.Y > 0 {
			out = append(out, p)
		}
	}
	return out
}

// heat draws cells, [y][x] from 0 to 1; small values are lifted by a square root.
func heat(cells [][]float32) ([]byte, error) {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "block of tokens", "block of queries"
	colors := moreland.Kindlmann()
	colors.SetMin(0)
	colors.SetMax(1)
	m := plotter.NewHeatMap(grid(cells), reversed(colors.Palette(64).Colors()))
	m.Min, m.Max = 0, 1
	p.Add(m)
	return render(p)
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

// render draws a plot of 7 by 4.5 inches.
func render(p *plot.Plot) ([]byte, error) {
	canvas := vgsvg.New(7*vg.Inch, 4.5*vg.Inch)
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
