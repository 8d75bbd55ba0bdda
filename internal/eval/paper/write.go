package paper

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"github.com/qaqvk/qaqvk/internal/eval"
	look "github.com/qaqvk/qaqvk/internal/page"
	"github.com/qaqvk/qaqvk/internal/report"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"text": isText}).Parse(pageText))

// isText tells whether a column of that head has names of methods, which may break.
func isText(head string) bool { return head == "method" || strings.Contains(head, "within") }

// page is what the template takes.
type page struct {
	Style      template.CSS
	Result     *eval.Result
	Skip       int
	TaskWindow int
	Task       string
	Exhibits   []shown
}

// shown is an exhibit with its drawing.
type shown struct {
	Exhibit
	SVG    template.HTML
	Legend []entry
	Short  bool // the table is shown at once
}

// mostShown are the lines of a table that is shown at once.
const mostShown = 24

// Write writes index.html and a CSV file for each exhibit to folder dir, which it
// makes; each file whole, or not at all.
func Write(dir string, r *eval.Result, p *eval.Probe) error {
	v := newView(r, p)
	out := page{Style: look.Style(), Result: r, Skip: eval.Skip, TaskWindow: TaskWindow, Task: v.task}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("paper: %w", err)
	}
	for _, e := range v.exhibits() {
		s := shown{Exhibit: e, Short: len(e.Cells) <= mostShown}
		if e.draw != nil {
			d, err := e.draw()
			if err != nil {
				return err
			}
			s.SVG, s.Legend = template.HTML(d.svg), d.legend
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
	return report.WriteFile(filepath.Join(dir, "index.html"), b.Bytes())
}

// writeCSV writes the numbers behind an exhibit.
func writeCSV(path string, e Exhibit) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{e.Head}, e.Cells...)); err != nil {
		return fmt.Errorf("paper: %w", err)
	}
	return report.WriteFile(path, b.Bytes())
}
