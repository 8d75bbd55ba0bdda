package paper

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"os"
	"path/filepath"

	"github.com/qaqvk/qaqvk/internal/eval"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template takes.
type page struct {
	Result   *eval.Result
	Skip     int
	Task     string
	Exhibits []shown
}

// shown is an exhibit with its drawing.
type shown struct {
	Exhibit
	SVG   template.HTML
	Short bool // the table is shown at once
}

// mostShown are the lines of a table that is shown at once.
const mostShown = 24

// Write writes index.html and a CSV file for each exhibit to folder dir, which it
// makes.
func Write(dir string, r *eval.Result, p *eval.Probe) error {
	v := newView(r, p)
	out := page{Result: r, Skip: eval.Skip, Task: v.task}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("paper: %w", err)
	}
	for _, e := range v.exhibits() {
		s := shown{Exhibit: e, Short: len(e.Cells) <= mostShown}
		if e.draw != nil {
			svg, err := e.draw()
			if err != nil {
				return err
			}
			s.SVG = template.HTML(svg)
		}
		if err := writeCSV(filepath.Join(dir, e.ID+".csv"), e); err != nil {
			return err
		}
		out.Exhibits = append(out.Exhibits, s)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, out); err != nil {
		return fmt.Errorf("paper: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("paper: %w", err)
	}
	return nil
}

// writeCSV writes the numbers behind an exhibit.
func writeCSV(path string, e Exhibit) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	err := w.WriteAll(append([][]string{e.Head}, e.Cells...))
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("paper: %w", err)
	}
	return nil
}
