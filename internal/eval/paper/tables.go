package paper

import "github.com/qaqvk/qaqvk/internal/eval"

// best is table 1.
func (v *view) best() Exhibit {
	e := Exhibit{ID: "table1", Title: "Table 1: the largest ratio within one per cent",
		Note: "Of the points of each series that were measured, the smallest that loses at most 1 % of perplexity, and of accuracy where tasks were given. A dash: none does.",
		Head: []string{"series", "perplexity within 1 %", "ratio", "accuracy within 1 %", "ratio"}}
	for _, s := range curves(v.result.Context) {
		points := v.points(s.methods)
		if len(points) == 0 {
			continue
		}
		row := append([]string{s.name}, largest(points, func(r eval.Row) bool { return r.PPLRatio != nil && *r.PPLRatio <= 1.01 })...)
		row = append(row, largest(points, func(r eval.Row) bool { return v.task != "" && *r.Tasks[v.task].DeltaNorm >= -0.01 })...)
		e.Cells = append(e.Cells, row)
	}
	return e
}

// largest returns the method of the largest ratio that passes, and its ratio.
func largest(points []point, pass func(eval.Row) bool) []string {
	best := []string{"–", "–"}
	most := 0.0
	for _, p := range points {
		if r := p.ratio(); pass(p.row) && r > most {
			most, best = r, []string{p.method, format(r, 2)}
		}
	}
	return best
}

// outliers is table 2.
func (v *view) outliers() Exhibit {
	return v.table(Exhibit{ID: "table2", Title: "Table 2: outliers kept apart, and not",
		Note: "One per cent of each group kept at full precision, with its indexes, or none."},
		[]series{{"qaq, 1 %", qaq("")}, {"qaq, none", qaq(",alpha=0")}, {"uniform, 1 %", uniform("uniform-%d-o1")}, {"uniform, none", uniform("uniform-%d")}})
}

// window is table 3.
func (v *view) window() Exhibit {
	return v.table(Exhibit{ID: "table3", Title: "Table 3: the attention window",
		Note: "Importance as the largest probability of the last n queries."}, []series{{"n = 5", qaq("")}, one()})
}
