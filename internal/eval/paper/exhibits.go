package paper

import (
	"fmt"
	"strconv"

	"github.com/qaqvk/qaqvk/internal/eval"
)

// Exhibit is a table, and a plot where there is one.
type Exhibit struct {
	ID    string // fig2a, table1…: the name of its CSV file
	Title string
	Note  string // what to see, in a sentence or two
	Head  []string
	Cells [][]string
	draw  func() (drawing, error) // nil: a table alone
}

// view looks at the rows of a run by their methods.
type view struct {
	result *eval.Result
	probe  *eval.Probe
	rows   map[string]eval.Row
	task   string // whose accuracy counts; "": none
}

func newView(r *eval.Result, p *eval.Probe) *view {
	v := &view{result: r, probe: p, rows: map[string]eval.Row{}}
	for _, row := range r.Rows {
		v.rows[row.Method] = row
	}
	for _, name := range []string{"hellaswag", "piqa", "choices"} {
		if _, ok := r.Rows[0].Tasks[name]; ok && v.task == "" {
			v.task = name
		}
	}
	return v
}

// exhibits are all, in the paper's order.
func (v *view) exhibits() []Exhibit {
	list := []Exhibit{v.sensitivity(), v.persistence(), v.picture(), v.distribution()}
	list = append(list, v.compression()...)
	return append(list, v.attention(), v.best(), v.outliers(), v.window())
}

// sensitivity is figure 2a.
func (v *view) sensitivity() Exhibit {
	list := []series{{"K", alone("k")}, {"V", alone("v")}}
	e := v.table(Exhibit{ID: "fig2a", Title: "Figure 2a: K and V bear different losses",
		Note: "Uniform bits for K alone or V alone, the other in f16. The lower curve bears fewer bits."}, list)
	e.draw = func() (drawing, error) {
		var lines []line
		for _, s := range list {
			l := line{name: s.name}
			for i, p := range v.points(s.methods) {
				l.add(float64(i+1), kld(p.row))
			}
			lines = append(lines, l)
		}
		return chart{x: "bits", y: "KLD, nats", logY: true, lines: lines}.draw()
	}
	return e
}

// mostPPL is the most perplexity over f16's that a plot shows.
const mostPPL = 1.2

// compression is figure 3, by each measure.
func (v *view) compression() []Exhibit {
	list := curves()
	e := v.table(Exhibit{ID: "fig3", Title: "Figure 3: quality against compression",
		Note: "Every header counted, rows outside of the recent window. Further right at the same height is better."}, list)
	e.draw = func() (drawing, error) { return v.curves(list).draw() }
	plain := Exhibit{ID: "fig3-ppl", Title: "Figure 3: perplexity against compression",
		Note: fmt.Sprintf("The same points up to %g; perplexity over that of the uncompressed cache.", mostPPL), Head: e.Head, Cells: e.Cells}
	plain.draw = func() (drawing, error) { return v.measure(list, "perplexity over f16", perplexity).draw() }
	if v.task == "" {
		return []Exhibit{e, plain}
	}
	tasks := v.table(Exhibit{ID: "fig3-accuracy", Title: "Figure 3: accuracy against compression",
		Note: fmt.Sprintf("Accuracy of %s over %d tasks, by log-likelihood a byte, less that of f16 over the same tasks; ratios are those of the text.", v.task, v.tasks())}, tasked(list))
	tasks.draw = func() (drawing, error) { return v.measure(tasked(list), "accuracy less f16's, %", v.accuracy).draw() }
	return []Exhibit{e, plain, tasks}
}

// perplexity is that of a row up to what a plot shows.
func perplexity(r eval.Row) *value {
	if r.PPLRatio == nil || *r.PPLRatio > mostPPL {
		return nil
	}
	return &value{*r.PPLRatio, r.PPLRatioCI[0], min(r.PPLRatioCI[1], mostPPL)}
}

// kld is the divergence of a row.
func kld(r eval.Row) *value {
	if r.KLD == nil {
		return nil
	}
	return around(r.KLD, *r.KLDCI)
}

// accuracy is what a row's task loses, in per cent.
func (v *view) accuracy(r eval.Row) *value {
	t, ok := r.Tasks[v.task]
	if !ok {
		return nil
	}
	loss := 100 * *t.DeltaNorm
	return around(&loss, 100**t.CINorm)
}

// tasks are how many tasks were answered.
func (v *view) tasks() int { return v.result.Rows[0].Tasks[v.task].N }

// attention is figure 4.
func (v *view) attention() Exhibit {
	list := []series{{"qaq", qaq("")}, blind()}
	e := v.table(Exhibit{ID: "fig4", Title: "Figure 4: bits that follow attention, and bits that do not",
		Note: "The same rule with the weight of V's bound at 1, target errors alike."}, list)
	e.draw = func() (drawing, error) { return v.curves(list).draw() }
	return e
}

// curves are KLD over compression.
func (v *view) curves(list []series) chart {
	c := v.measure(list, "KLD, nats", kld)
	c.logY = true
	return c
}

// measure is a chart of something over compression.
func (v *view) measure(list []series, name string, of func(eval.Row) *value) chart {
	c := chart{x: "compression ratio outside of the window", y: name, ratio: true}
	for _, s := range list {
		l := line{name: s.name}
		for _, p := range v.points(s.methods) {
			l.add(p.ratio(), of(p.row))
		}
		c.lines = append(c.lines, l)
	}
	return c
}

// persistence is figure 2b in numbers.
func (v *view) persistence() Exhibit {
	e := Exhibit{ID: "fig2b", Title: "Figure 2b: importance lasts, with exceptions",
		Note: "A token is important in a window of 64 queries if its largest probability is among the greatest tenth. Kept: important tokens that are so in the next window; exceptions: others that become so.",
		Head: []string{"layer", "kept", "±", "exceptions", "±"}}
	kept, rose := line{name: "kept"}, line{name: "exceptions"}
	for i, l := range v.probe.Layers {
		e.Cells = append(e.Cells, []string{strconv.Itoa(i), format(l.Kept, 3), format(l.KeptCI, 3), format(l.Exceptions, 3), format(l.ExceptionsCI, 3)})
		kept.add(float64(i), around(&l.Kept, l.KeptCI))
		rose.add(float64(i), around(&l.Exceptions, l.ExceptionsCI))
	}
	e.draw = func() (drawing, error) { return chart{x: "layer", y: "share", lines: []line{kept, rose}}.draw() }
	return e
}

// picture is figure 2b for one head.
func (v *view) picture() Exhibit {
	p := v.probe.Picture
	e := Exhibit{ID: "fig2b-head", Title: fmt.Sprintf("Figure 2b: layer %d, query head %d", p.Layer, p.Head),
		Note: fmt.Sprintf("The largest probability in blocks of %d queries (up) and %d tokens (right), darker is more. Dark columns are tokens whose importance lasts; a dark cell by itself is an exception.", p.Cell, p.Cell),
		Head: []string{"query block", "token block", "probability"}}
	for y, row := range p.Cells {
		for x, prob := range row[:y+1] {
			e.Cells = append(e.Cells, []string{strconv.Itoa(y), strconv.Itoa(x), format(float64(prob), 5)})
		}
	}
	e.draw = func() (drawing, error) { return heat(p.Cells) }
	return e
}

// distribution is figure 2c.
func (v *view) distribution() Exhibit {
	e := Exhibit{ID: "fig2c", Title: "Figure 2c: values and outliers",
		Note: fmt.Sprintf("Elements by their distance from the mean of their row, in its standard deviations. Beyond four: %.3f %% of K (farthest %.1f) and %.3f %% of V (farthest %.1f); a normal distribution has 0.006 %%.",
			100*v.probe.Keys.Beyond(4), v.probe.Keys.Largest, 100*v.probe.Values.Beyond(4), v.probe.Values.Largest),
		Head: []string{"standard deviations from", "K", "V"}}
	k, val := line{name: "K"}, line{name: "V"}
	for i, n := range v.probe.Keys.Counts {
		at := eval.SpreadBin(i)
		m := v.probe.Values.Counts[i]
		e.Cells = append(e.Cells, []string{format(at, 1), strconv.FormatInt(n, 10), strconv.FormatInt(m, 10)})
		k.add(at, positive(n))
		val.add(at, positive(m))
	}
	e.draw = func() (drawing, error) {
		return chart{x: "standard deviations", y: "elements", logY: true, lines: []line{k, val}}.draw()
	}
	return e
}

// positive is a count of all elements, which has no interval; nil: a logarithm cannot
// show it.
func positive(n int64) *value {
	if n == 0 {
		return nil
	}
	x := float64(n)
	return around(&x, 0)
}
