package eval

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// WriteMarkdown prints the result as a Markdown table.
func (r *Result) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "model %s, device %s, driver %s  \nwindow of %d newest tokens as they came, compressed while reading", r.Model, r.Device, r.Driver, r.Window)
	if r.Mode == "question" {
		b.WriteString("; tasks: the question is compressed when it has been read")
	}
	fmt.Fprintf(&b, "; attention on the %s  \n", r.Attend)
	if r.Text != "" {
		fmt.Fprintf(&b, "text %s: %d tokens, context %d, the first %d of each not scored  \n", r.Text, r.Tokens, r.Context, Skip)
	}
	b.WriteString("± is half of the 95 % confidence interval; Δ is against f16, paired\n\n")
	columns := markdownColumns(r)
	for _, c := range columns {
		b.WriteString("| " + c.head + " ")
	}
	b.WriteString("|\n|---" + strings.Repeat("|---:", len(columns)-1) + "|\n")
	for _, row := range r.Rows {
		for _, c := range columns {
			b.WriteString("| " + c.cell(row) + " ")
		}
		b.WriteString("|\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type column struct {
	head string
	cell func(Row) string
}

// markdownColumns are those that a run measured.
func markdownColumns(r *Result) []column {
	columns := []column{
		{"method", func(r Row) string { return r.Method }},
		{"bits an element", func(r Row) string { return cell(r.BPE, 3) }},
		{"live / f16", func(r Row) string { return cell(r.LiveRatio, 3) }},
	}
	if r.Text != "" {
		columns = append(columns,
			column{"perplexity", func(r Row) string { return cell(r.PPL, 3) }},
			column{"/ f16", func(r Row) string { return cell(r.PPLRatio, 4) }},
			column{"KLD", func(r Row) string { return cell(r.KLD, 5) + " ± " + cell(r.KLDCI, 5) }},
			column{"KLD 99 %", func(r Row) string { return cell(r.KLD99, 4) }},
			column{"top-1", func(r Row) string { return cell(r.Top1, 4) }})
	}
	names := map[string]bool{}
	for _, row := range r.Rows {
		for name := range row.Tasks {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		columns = append(columns, taskColumns(name)...)
	}
	return append(columns, column{"s", func(r Row) string { return cell(&r.Seconds, 1) }})
}

func taskColumns(name string) []column {
	of := func(f func(Tally) string) func(Row) string {
		return func(r Row) string {
			if t, ok := r.Tasks[name]; ok {
				return f(t)
			}
			return cell(nil, 0) // a method that answers none
		}
	}
	percent := func(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) }
	columns := []column{
		{name + " %", of(func(t Tally) string { return percent(t.Acc) + " ± " + percent(t.AccCI) })},
		{"Δ", of(func(t Tally) string { return percent(t.Delta) + " ± " + percent(t.CI) })},
	}
	if name == "needle" {
		return append(columns,
			column{"ln p", of(func(t Tally) string { return cell(t.LogP, 2) + " ± " + cell(t.LogPCI, 2) })},
			column{"Δ", of(func(t Tally) string { return cell(t.LogPDelta, 3) + " ± " + cell(t.LogPDeltaCI, 3) })})
	}
	return append(columns,
		column{"a byte %", of(func(t Tally) string { return percent(*t.AccNorm) + " ± " + percent(*t.AccNormCI) })},
		column{"Δ", of(func(t Tally) string { return percent(*t.DeltaNorm) + " ± " + percent(*t.CINorm) })})
}

// cell is a number, or a dash for what was not measured.
func cell(x *float64, digits int) string {
	if x == nil {
		return "–"
	}
	return strconv.FormatFloat(*x, 'f', digits, 64)
}
