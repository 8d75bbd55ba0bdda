package htmlreport

import (
	"fmt"
	"strconv"

	"github.com/qaqvk/qaqvk/internal/page"
	"github.com/qaqvk/qaqvk/internal/recording"
)

// facts are the numbers at the end of the recording.
func (m *measured) facts(end *recording.End) (list [][2]string) {
	add := func(name, format string, args ...any) {
		list = append(list, [2]string{name, fmt.Sprintf(format, args...)})
	}
	last, step := m.Samples[len(m.Samples)-1], m.Steps[len(m.Steps)-1]
	add("tokens", "%d of the prompt, %d generated, %d of all in pages", min(m.Prompt, len(m.Tokens)), max(0, len(m.Tokens)-m.Prompt), m.Stored)
	add("live bytes", "%s, %s of f16", megabytes(last.Live), ratio(last.Live, last.F16))
	add("committed bytes", "%s, %s of f16", megabytes(last.Committed), ratio(last.Committed, last.F16))
	for k, name := range []string{"K", "V"} {
		add("mean "+m.codeName()+" of "+name, "%.2f, raw groups left out", meanCode(m.Histogram[k]))
	}
	add("groups moved", "%d promoted, %d demoted", step.Promoted, step.Demoted)
	if end != nil {
		add("tokens/s", "%.1f for the prompt, %.1f generated", end.Prefill, end.Decode)
		if end.KLD != nil && end.Top1 != nil {
			add("beside plain f32 rows", "the same most likely token at %.1f %% of the positions, KL divergence %.4f nats", 100**end.Top1, *end.KLD)
		}
	}
	if t := m.Target; t.KeyError > 0 {
		add("target errors", "K %g, V %g", t.KeyError, t.ValueError)
	} else if t.Budget > 0 {
		add("budget", "%s", megabytes(t.Budget))
	}
	return list
}

func megabytes(n int64) string { return strconv.FormatFloat(float64(n)/1e6, 'f', 2, 64) + " MB" }

func ratio(a, b int64) string { return fmt.Sprintf("%.3f", float64(a)/float64(max(1, b))) }

// exhibits are the curves and the tables.
func (m *measured) exhibits() (list []exhibit, err error) {
	for _, e := range []exhibit{m.bytes(), m.codes(), m.distribution(), m.moved(), m.speed(), m.layers(), m.targets()} {
		if e.draw != nil {
			if e.SVG, err = e.draw(); err != nil {
				return nil, err
			}
		}
		if e.SVG != "" || len(e.Cells) > 0 {
			list = append(list, e)
		}
	}
	return list, nil
}

// mostRows are about the lines of a table over the text.
const mostRows = 20

// rows are the samples that a table shows: evenly over the tokens, and the last.
func (m *measured) rows(show func(i int)) {
	every, next := len(m.Tokens)/mostRows+1, 0
	for i, s := range m.Samples {
		if s.Tokens >= next || i == len(m.Samples)-1 {
			show(i)
			next = s.Tokens/every*every + every
		}
	}
}

func (m *measured) bytes() exhibit {
	e := exhibit{ID: "bytes", Title: "Bytes", Note: "Live: pages with every header, recent window, importance and tables. Committed: device memory held for them. f16: the same rows uncompressed.",
		Head: []string{"tokens", "live", "committed", "f16", "live / f16"}}
	live, committed, f16 := page.Line{Name: "live"}, page.Line{Name: "committed"}, page.Line{Name: "f16"}
	for _, s := range m.Samples {
		x := float64(s.Tokens)
		live.Add(x, float64(s.Live)/1e6)
		committed.Add(x, float64(s.Committed)/1e6)
		f16.Add(x, float64(s.F16)/1e6)
	}
	m.rows(func(i int) {
		s := m.Samples[i]
		e.Cells = append(e.Cells, []string{strconv.Itoa(s.Tokens), strconv.FormatInt(s.Live, 10), strconv.FormatInt(s.Committed, 10), strconv.FormatInt(s.F16, 10), ratio(s.Live, s.F16)})
	})
	e.draw = page.Chart{X: "tokens", Y: "MB", Lines: []page.Line{live, committed, f16}}.SVG
	return e
}

func (m *measured) codes() exhibit {
	e := exhibit{ID: "mean", Title: "Mean " + m.codeName() + " of stored groups", Note: "Raw groups are left out."}
	var lines []page.Line
	for k, name := range []string{"K", "V"} {
		l := page.Line{Name: name}
		for i, s := range m.Samples {
			if s.Tokens > 0 && m.Steps[i].Stored > 0 {
				l.Add(float64(s.Tokens), m.bits[k][i])
			}
		}
		lines = append(lines, l)
	}
	if len(lines[0].Points) > 0 {
		e.draw = page.Chart{X: "tokens", Y: m.codeName(), Lines: lines}.SVG
	}
	return e
}

func (m *measured) distribution() exhibit {
	e := exhibit{ID: "distribution", Title: "Distribution", Note: "Groups by their " + m.codeName() + " at the end.", Head: []string{m.codeName(), "K", "V", "K %", "V %"}}
	b := page.Bars{X: m.codeName(), Y: "% of groups", Series: []page.Series{{Name: "K"}, {Name: "V"}}}
	var all [2]int64
	for k := range m.Histogram {
		for _, n := range m.Histogram[k] {
			all[k] += n
		}
	}
	for c := range recording.Codes {
		name := strconv.Itoa(c)
		switch {
		case c == recording.Raw:
			name = "raw"
		case c == recording.Evicted && m.Histogram[0][c]+m.Histogram[1][c] > 0:
			name = "evicted"
		case c > mostCode(m.Header):
			continue
		}
		row := []string{name, strconv.FormatInt(m.Histogram[0][c], 10), strconv.FormatInt(m.Histogram[1][c], 10)}
		for k := range all {
			part := 100 * float64(m.Histogram[k][c]) / float64(max(1, all[k]))
			b.Series[k].Values = append(b.Series[k].Values, part)
			row = append(row, strconv.FormatFloat(part, 'f', 1, 64))
		}
		b.Names = append(b.Names, name)
		e.Cells = append(e.Cells, row)
	}
	e.draw = b.SVG
	return e
}

func (m *measured) moved() exhibit {
	e := exhibit{ID: "moves", Title: "Promotions and demotions", Note: "Groups that got more and fewer bits after they were stored, since the beginning."}
	up, down := page.Line{Name: "promoted"}, page.Line{Name: "demoted"}
	for i, s := range m.Steps {
		x := float64(m.Samples[i].Tokens)
		up.Add(x, float64(s.Promoted))
		down.Add(x, float64(s.Demoted))
	}
	e.draw = page.Chart{X: "tokens", Y: "groups", Lines: []page.Line{up, down}}.SVG
	return e
}

func (m *measured) speed() exhibit {
	e := exhibit{ID: "speed", Title: "Tokens a second", Note: "Over the last second of each step; pauses are left out."}
	l := page.Line{Name: "tokens/s"}
	for i, s := range m.Samples {
		if i > 0 {
			l.Add(float64(s.Tokens), m.RateAt(i))
		}
	}
	e.draw = page.Chart{X: "tokens", Y: "tokens/s", Lines: []page.Line{l}}.SVG
	return e
}

func (m *measured) layers() exhibit {
	e := exhibit{ID: "layers", Title: "Layers", Note: "Means over the stored tokens at the end.", Head: []string{"layer", m.codeName() + " of K", m.codeName() + " of V", "raw K %", "raw V %", "bytes a token", "of f16"}}
	for l := range m.Layers {
		if m.Stored == 0 {
			break
		}
		row := []string{strconv.Itoa(l)}
		cells := [2]recording.Cell{m.Cell(recording.Keys, l, l+1, 0, m.Stored), m.Cell(recording.Values, l, l+1, 0, m.Stored)}
		for _, c := range cells {
			row = append(row, strconv.FormatFloat(c.Mean, 'f', 2, 64))
		}
		for _, c := range cells {
			row = append(row, strconv.FormatFloat(100*c.Raw, 'f', 1, 64))
		}
		bytes, raw := m.layerBytes(l)
		e.Cells = append(e.Cells, append(row, strconv.FormatFloat(bytes/float64(m.Stored), 'f', 0, 64), strconv.FormatFloat(bytes/raw, 'f', 3, 64)))
	}
	return e
}

// layerBytes are the bytes of the stored groups of a layer, and as they came.
func (m *measured) layerBytes(l int) (bytes, raw float64) {
	for k := range m.Codes {
		for _, c := range m.Codes[k][l] {
			bytes += float64(m.Bytes[k][l][c])
			raw += float64(m.Bytes[k][l][recording.Raw])
		}
	}
	return bytes, raw
}

func (m *measured) targets() exhibit {
	e := exhibit{ID: "targets", Title: "Changes of the target", Note: "Made while the text grew.", Head: []string{"tokens", "error of K", "error of V", "budget", ""}}
	for i, s := range m.Steps {
		if s.Target != nil {
			e.Cells = append(e.Cells, []string{strconv.Itoa(m.Samples[i].Tokens), fmt.Sprintf("%g", s.Target.KeyError), fmt.Sprintf("%g", s.Target.ValueError), strconv.FormatInt(s.Target.Budget, 10), s.Note})
		}
	}
	return e
}
