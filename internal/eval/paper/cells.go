package paper

import (
	"fmt"
	"math"
	"strconv"

	"github.com/qaqvk/qaqvk/internal/eval"
)

// point is a row on a curve.
type point struct {
	method string
	row    eval.Row
}

// ratio is how many times smaller rows outside of the window are.
func (p point) ratio() float64 {
	if p.row.StoreRatio == nil {
		return math.NaN()
	}
	return 1 / *p.row.StoreRatio
}

// points are those of a series that were measured.
func (v *view) points(methods []string) (list []point) {
	for _, m := range methods {
		if row, ok := v.rows[m]; ok {
			list = append(list, point{m, row})
		}
	}
	return list
}

// heads and cells of what every table of methods has.
func (v *view) head(first ...string) []string {
	h := append(first, "method", "bits an element", "ratio", "live / f16", "paper / f16", "perplexity / f16", "perplexity ±", "KLD", "KLD ±", "top-1")
	if v.task != "" {
		h = append(h, fmt.Sprintf("%s %%, n = %d", v.task, v.tasks()), "Δ", "Δ ±")
	}
	return h
}

func (v *view) cells(p point, first ...string) []string {
	r := p.row
	c := append(first, p.method, number(r.BPE, 3), format(p.ratio(), 2), number(r.LiveRatio, 3), number(r.PaperRatio, 3),
		number(r.PPLRatio, 4), halfOf(r.PPLRatioCI, 4), number(r.KLD, 5), number(r.KLDCI, 5), number(r.Top1, 4))
	if v.task != "" {
		c = append(c, taskCells(r.Tasks, v.task)...)
	}
	return c
}

// taskCells are dashes for methods that answered no tasks.
func taskCells(tasks map[string]eval.Tally, name string) []string {
	t, ok := tasks[name]
	if !ok {
		return []string{"–", "–", "–"}
	}
	return []string{format(100**t.AccNorm, 1), format(100**t.DeltaNorm, 1), format(100**t.CINorm, 1)}
}

// halfOf is half the width of an interval.
func halfOf(ci *[2]float64, digits int) string {
	if ci == nil {
		return "–"
	}
	return format((ci[1]-ci[0])/2, digits)
}

func number(x *float64, digits int) string {
	if x == nil {
		return "–"
	}
	return format(*x, digits)
}

func format(x float64, digits int) string { return strconv.FormatFloat(x, 'f', digits, 64) }

// table has a line for each point of some series.
func (v *view) table(e Exhibit, list []series) Exhibit {
	e.Head = v.head("series")
	for _, s := range list {
		for _, p := range v.points(s.methods) {
			e.Cells = append(e.Cells, v.cells(p, s.name))
		}
	}
	return e
}
