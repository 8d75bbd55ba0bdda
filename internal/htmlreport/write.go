package htmlreport

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"github.com/qaqvk/qaqvk/internal/page"
	"github.com/qaqvk/qaqvk/internal/recording"
)

//go:embed page.html
var pageText string

//go:embed map.js
var script string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// view is what the template takes.
type view struct {
	*recording.State
	End      *recording.End
	Note     string // what is missing of the recording
	Style    template.CSS
	Script   template.JS
	Map      mapData
	Legend   []swatch
	Text     []word
	Facts    [][2]string
	Exhibits []exhibit
}

// exhibit is a plot, a table, or both.
type exhibit struct {
	ID, Title, Note string
	SVG             template.HTML
	Head            []string
	Cells           [][]string
	draw            func() (template.HTML, error)
}

// Page makes the page. note says what is missing of the recording, "": nothing.
func Page(r *recording.Recording, note string) ([]byte, error) {
	m, err := measure(r)
	if err != nil {
		return nil, err
	}
	v := view{State: m.State, End: r.End, Note: note, Style: page.Style(), Script: template.JS(script), Map: m.mapData(), Legend: m.legend(),
		Text: m.words(), Facts: m.facts(r.End)}
	if v.Exhibits, err = m.exhibits(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("htmlreport: %w", err)
	}
	return b.Bytes(), nil
}
