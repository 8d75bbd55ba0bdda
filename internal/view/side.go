package view

import (
	"fmt"
	"image"
	"image/color"
	"strconv"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// drawSide draws numbers, curves, the distribution and the chosen token.
func (v *View) drawSide(c canvas) {
	r := v.layout.side
	if r.Empty() {
		return
	}
	c = c.within(r)
	c.fill(image.Rect(r.Min.X, r.Min.Y, r.Min.X+1, r.Max.Y), line)
	r = r.Inset(v.px(margin))
	y := v.drawNumbers(c, r) + v.px(8)
	room := r.Max.Y - y - 3*v.px(8)
	bytes, speed, bits := room*22/100, room*14/100, room*18/100
	part := func(high int) image.Rectangle {
		p := image.Rect(r.Min.X, y, r.Max.X, y+high)
		y += high + v.px(8)
		return p
	}
	v.drawBytes(c, part(bytes))
	v.drawSpeed(c, part(speed))
	v.drawDistribution(c, part(bits))
	v.drawDetail(c, image.Rect(r.Min.X, y, r.Max.X, r.Max.Y))
}

// drawNumbers draws the numbers of the moment, and returns where they end.
func (v *View) drawNumbers(c canvas, r image.Rectangle) int {
	var last recording.Sample
	if n := len(v.state.Samples); n > 0 {
		last = v.state.Samples[n-1]
	}
	f, y := &v.fonts, r.Min.Y
	row := func(name, value string, col color.RGBA) {
		c.text(f.plain, r.Min.X, y, name, soft)
		c.textRight(f.bold, r.Max.X, y, value, col)
		y += f.plain.height() + v.px(3)
	}
	ratio := float64(last.Live) / float64(max(1, last.F16))
	row("live", fmt.Sprintf("%s   %.3f of f16", megabytes(last.Live), ratio), ink)
	row("committed", megabytes(last.Committed), ink)
	for k, name := range []string{"K", "V"} {
		row(name, v.meanText(k), kindColor[k])
	}
	name := "error target"
	if v.state.Levels {
		name = "byte budget"
	}
	row(name, target(v.state), accent)
	return y
}

// meanText is the mean of a kind in words.
func (v *View) meanText(k int) string {
	h := &v.state.Histogram[k]
	var sum, plain, all int64
	for code, n := range h {
		all += n
		if code < recording.Evicted {
			sum += int64(code) * n
			plain += n
		}
	}
	if all == 0 {
		return "nothing stored yet"
	}
	name := "bits"
	if v.state.Levels {
		name = "level"
	}
	s := fmt.Sprintf("%s %.2f", name, float64(sum)/float64(max(1, plain)))
	if h[recording.Raw] > 0 {
		s += fmt.Sprintf(", %.1f %% raw", 100*float64(h[recording.Raw])/float64(all))
	}
	return s
}

// axes draws the frame of a plot with its title, and returns where its curves go.
func (v *View) axes(c canvas, r image.Rectangle, title, most string) image.Rectangle {
	f := v.fonts.plain
	c.text(f, r.Min.X, r.Min.Y, title, soft)
	c.textRight(f, r.Max.X, r.Min.Y, most, soft)
	r.Min.Y += f.height() + v.px(2)
	c.fill(r, panel)
	return r
}

// plot draws a curve of samples over tokens.
func (v *View) plot(c canvas, r image.Rectangle, top float64, of func(i int) float64, col color.RGBA) {
	n := len(v.state.Samples)
	if n == 0 || top <= 0 || r.Empty() {
		return
	}
	all, every := float64(v.state.Samples[n-1].Tokens), max(1, n/(2*r.Dx()))
	var points []point
	for i := 0; i < n; i++ {
		if i%every != 0 && i != n-1 {
			continue
		}
		x := float64(v.state.Samples[i].Tokens) / max(1, all) * float64(r.Dx()-1)
		y := min(of(i)/top, 1) * float64(r.Dy()-v.px(3))
		points = append(points, point{float64(r.Min.X) + x, float64(r.Max.Y) - y - 1})
	}
	c.within(r).curve(points, 1.6*v.scale, col)
}

func (v *View) drawBytes(c canvas, r image.Rectangle) {
	top := int64(0)
	for _, s := range v.state.Samples {
		top = max(top, s.F16, s.Live, s.Committed)
	}
	r = v.axes(c, r, "", megabytes(top))
	x, y := r.Min.X, r.Min.Y-v.fonts.plain.height()-v.px(2)
	for i, name := range []string{"live", "committed", "f16"} {
		x = c.text(v.fonts.plain, x, y, name, curves[i]) + v.px(10)
	}
	s := v.state.Samples
	v.plot(c, r, float64(top), func(i int) float64 { return float64(s[i].F16) }, curves[2])
	v.plot(c, r, float64(top), func(i int) float64 { return float64(s[i].Committed) }, curves[1])
	v.plot(c, r, float64(top), func(i int) float64 { return float64(s[i].Live) }, curves[0])
}

func (v *View) drawSpeed(c canvas, r image.Rectangle) {
	top := 0.0
	for i := range v.state.Samples {
		top = max(top, v.state.RateAt(i))
	}
	r = v.axes(c, r, "tokens/s", fmt.Sprintf("%.0f", top))
	v.plot(c, r, top, v.state.RateAt, curves[0])
}

// drawDistribution draws the part of the groups that each code has.
func (v *View) drawDistribution(c canvas, r image.Rectangle) {
	codes := []int{}
	for code := range v.mostCode() + 1 {
		codes = append(codes, code)
	}
	codes = append(codes, recording.Raw)
	if v.state.Histogram[0][recording.Evicted]+v.state.Histogram[1][recording.Evicted] > 0 {
		codes = append(codes, recording.Evicted)
	}
	var all [2]int64
	top := 0.0
	for k := range all {
		for _, n := range v.state.Histogram[k] {
			all[k] += n
		}
		for _, n := range v.state.Histogram[k] {
			top = max(top, float64(n)/float64(max(1, all[k])))
		}
	}
	f := v.fonts.plain
	r = v.axes(c, r, "groups, K and V", fmt.Sprintf("%.0f %%", 100*top))
	r.Max.Y -= f.height()
	c.fill(image.Rect(r.Min.X, r.Max.Y, r.Max.X, r.Max.Y+f.height()), paper)
	each := float64(r.Dx()) / float64(len(codes))
	for i, code := range codes {
		from, to := r.Min.X+int(float64(i)*each), r.Min.X+int(float64(i+1)*each)
		half := (to - from - v.px(5)) / 2
		for k := range all {
			part := float64(v.state.Histogram[k][code]) / float64(max(1, all[k]))
			high := int(part / max(top, 1e-9) * float64(r.Dy()-v.px(2)))
			x := from + v.px(2) + k*half
			c.fill(image.Rect(x, r.Max.Y-high, x+half, r.Max.Y), kindColor[k])
		}
		name := strconv.Itoa(code)
		switch code {
		case recording.Raw:
			name = "raw"
		case recording.Evicted:
			name = "out"
		}
		c.text(f, (from+to-f.width(name))/2, r.Max.Y, name, soft)
	}
}
