package paper

import (
	"fmt"

	"github.com/qaqvk/qaqvk/internal/eval"
)

// best is table 1.
func (v *view) best() Exhibit {
	e := Exhibit{ID: "table1", Title: "Table 1: the largest ratio within one per cent",
		Note: "Of the points of each series that were measured, the smallest that loses at most 1 % of perplexity, with its loss. A dash: none does.",
		Head: []string{"series", "perplexity within 1 %", "ratio", "lost %", "±"}}
	if v.task != "" {
		e.Note += fmt.Sprintf(" The same for accuracy over %d tasks of %s; points that answered none do not count.", v.tasks(), v.task)
		e.Head = append(e.Head, fmt.Sprintf("accuracy within 1 %%, n = %d", v.tasks()), "ratio", "lost %", "±")
	}
	for _, s := range curves() {
		points := v.points(s.methods)
		if len(points) == 0 {
			continue
		}
		row := append([]string{s.name}, largest(points, func(r eval.Row) *value {
			if r.PPLRatio == nil {
				return nil
			}
			return &value{100 * (*r.PPLRatio - 1), 100 * (r.PPLRatioCI[0] - 1), 100 * (r.PPLRatioCI[1] - 1)}
		})...)
		if v.task != "" {
			row = append(row, largest(points, func(r eval.Row) *value {
				a := v.accuracy(r)
				if a == nil {
					return nil
				}
				return &value{-a.y, -a.high, -a.low}
			})...)
		}
		e.Cells = append(e.Cells, row)
	}
	return e
}

// largest returns the method of the largest ratio that loses at most one per cent, its
// ratio and what it loses.
func largest(points []point, lost func(eval.Row) *value) []string {
	best := []string{"–", "–", "–", "–"}
	most := 0.0
	for _, p := range points {
		if l, r := lost(p.row), p.ratio(); l != nil && l.y <= 1 && r > most {
			most, best = r, []string{p.method, format(r, 2), format(l.y, 2), format((l.high-l.low)/2, 2)}
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
