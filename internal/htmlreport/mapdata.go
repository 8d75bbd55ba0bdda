package htmlreport

import (
	"fmt"
	"math"

	"github.com/qaqvk/qaqvk/internal/palette"
	"github.com/qaqvk/qaqvk/internal/recording"
)

// mapData is what the script draws. Bytes are base64 in JSON.
type mapData struct {
	Layers     int       `json:"layers"`
	Stored     int       `json:"stored"`
	Prompt     int       `json:"prompt"`
	Name       string    `json:"name"` // of codes
	Most       int       `json:"most"` // last code of the scale
	Texts      []string  `json:"texts"`
	K          []byte    `json:"k"` // [layer][stored token], see cellByte
	V          []byte    `json:"v"`
	Importance []byte    `json:"importance"`
	Share      []byte    `json:"share"` // [stored token]: bytes of 255ths of those as it came
	Moves      []byte    `json:"moves"` // [stored token]: steps in which it moved, at most 255
	Sinks      []int     `json:"sinks"`
	Scale      []string  `json:"scale"` // colours from code 0 to Most
	Raw        string    `json:"raw"`
	Evicted    string    `json:"evicted"`
	Bytes      []float64 `json:"bytes"` // [stored token]
}

// Bytes of cells that are on no scale, and how finely the others are told apart.
const (
	rawCell, evictedCell = 255, 254
	cellSteps            = 16 // of a code
	scaleColors          = 64
)

// cellByte is the mean code of a cell in sixteenths, or what most of its groups are.
func cellByte(c recording.Cell) byte {
	switch {
	case c.Raw > 0.5:
		return rawCell
	case c.Evicted > 0.5:
		return evictedCell
	}
	return byte(math.Round(c.Mean * cellSteps))
}

func (m *measured) mapData() mapData {
	d := mapData{Layers: m.Layers, Stored: m.Stored, Prompt: m.Prompt, Name: m.codeName(), Most: mostCode(m.Header), Importance: m.Importance,
		Moves: m.moves(), Raw: palette.Hex(palette.Raw), Evicted: palette.Hex(palette.Evicted), Sinks: []int{}}
	for i := range scaleColors {
		d.Scale = append(d.Scale, palette.Hex(palette.Scale(float64(i)/(scaleColors-1))))
	}
	for _, t := range m.Tokens {
		d.Texts = append(d.Texts, t.Text)
	}
	raw := m.RawBytes(recording.Both)
	for t := range m.Stored {
		bytes := m.TokenBytes(recording.Both, t)
		d.Bytes = append(d.Bytes, math.Round(bytes))
		d.Share = append(d.Share, byte(math.Round(255*min(1, bytes/raw))))
		if m.Sink(t) {
			d.Sinks = append(d.Sinks, t)
		}
	}
	for l := range m.Layers {
		for t := range m.Stored {
			d.K = append(d.K, cellByte(m.Cell(recording.Keys, l, l+1, t, t+1)))
			d.V = append(d.V, cellByte(m.Cell(recording.Values, l, l+1, t, t+1)))
		}
	}
	return d
}

// moves counts, of each stored token, the steps in which it moved.
func (m *measured) moves() []byte {
	counts, last := make([]byte, m.Stored), make([]int, m.Stored)
	stored := 0
	for i, step := range m.Steps {
		for _, r := range step.Runs {
			for t := r.First / m.Groups; t < stored && t*m.Groups < r.First+len(r.Codes); t++ {
				if last[t] != i+1 && counts[t] < 255 {
					counts[t]++
				}
				last[t] = i + 1
			}
		}
		stored = step.Stored
	}
	return counts
}

// swatch is an entry of the legend.
type swatch struct{ Color, Name string }

// legend names the colours.
func (m *measured) legend() (list []swatch) {
	most := mostCode(m.Header)
	for c := range most + 1 {
		list = append(list, swatch{palette.Hex(palette.Scale(float64(c) / float64(most))), fmt.Sprint(c)})
	}
	list = append(list, swatch{palette.Hex(palette.Raw), "as it came"})
	for k := range m.Histogram {
		if m.Histogram[k][recording.Evicted] > 0 {
			return append(list, swatch{palette.Hex(palette.Evicted), "evicted"})
		}
	}
	return list
}

// word is a token of the text.
type word struct {
	Text, Color string // Color "": in the recent window
	Token       int
}

// words are the tokens that have text.
func (m *measured) words() (list []word) {
	most := float64(mostCode(m.Header))
	for t, token := range m.Tokens {
		if token.Text == "" {
			continue
		}
		w := word{Text: token.Text, Token: t}
		if t < m.Stored {
			c := m.Cell(recording.Both, 0, m.Layers, t, t+1)
			color := palette.Scale(math.Round(2*c.Mean) / 2 / most)
			switch b := cellByte(c); b {
			case rawCell:
				color = palette.Raw
			case evictedCell:
				color = palette.Evicted
			}
			w.Color = palette.Hex(color)
		}
		list = append(list, w)
	}
	return list
}
