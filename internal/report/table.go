package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
)

// table aligns cells: Row's cells are separated by tabs.
type table struct {
	buffer bytes.Buffer
	writer *tabwriter.Writer
}

// newTable aligns columns to the left, or to the right where right is set.
func newTable(right bool) *table {
	t := &table{}
	flags := uint(0)
	if right {
		flags = tabwriter.AlignRight
	}
	t.writer = tabwriter.NewWriter(&t.buffer, 0, 0, 2, ' ', flags)
	return t
}

func (t *table) row(format string, args ...any) { fmt.Fprintf(t.writer, format+"\n", args...) }

// writeTo prints the table without spaces at the ends of lines.
func (t *table) writeTo(w io.Writer) error {
	if err := t.writer.Flush(); err != nil {
		return err
	}
	for line := range bytes.Lines(t.buffer.Bytes()) {
		if _, err := fmt.Fprintf(w, "%s\n", bytes.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// Write prints the result as tables.
func (r *Run) Write(w io.Writer) error {
	for _, part := range []func() *table{r.head, r.sizes, r.bits, r.tail, r.kernels} {
		if err := part().writeTo(w); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) head() *table {
	t := newTable(false)
	t.row("device\t%s", r.Device)
	t.row("driver\t%s", r.Driver)
	t.row("model\t%s", r.Model)
	t.row("policy\t%s", r.Policy)
	t.row("setting\t%s", r.Setting)
	t.row("prompt\t%s", r.Prompt)
	t.row("tokens\t%d of the prompt, %d generated", r.Tokens.Prompt, r.Tokens.Generated)
	return t
}

func (r *Run) sizes() *table {
	t := newTable(true)
	t.row("bytes\tMiB\tof f16\t ")
	for _, s := range []struct {
		bytes int64
		what  string
	}{
		{r.Bytes.F16, "f16: every K and V row in f16"},
		{r.Bytes.Live, "live: pages with all their metadata, the recent window, importance, and tables"},
		{r.Bytes.Tables, tablesAre},
		{r.Bytes.Committed, "committed: device memory held for pages and recent window, slack included"},
		{r.Bytes.Slack, "slack: the part of it that pages were given and do not need"},
		{r.Bytes.Reserve, "reserve: the part of committed that was taken for pages at the start"},
		{r.Bytes.Peak, "peak: the most device memory at once: committed, scratch, and pages that lie in two places while they are moved"},
		{r.Bytes.Scratch, "scratch: the part of staging that is in device memory, not mapped"},
		{r.Bytes.Staging, "staging: buffers that lists work in, which do not grow with the tokens"},
		{r.Bytes.Host, "host: full-precision rows and bookkeeping in host memory"},
		{r.Bytes.Paper, "paper: codes and outlier values as the paper counts them, and the recent window"},
	} {
		if s.bytes == 0 && s.what == tablesAre {
			continue
		}
		t.row("%d\t%.2f\t%s\t  %s", s.bytes, float64(s.bytes)/(1<<20), ratio(s.bytes, r.Bytes.F16), s.what)
	}
	return t
}

// tablesAre explains a size that only caches with a profile have.
const tablesAre = "tables: the part of it that the profile takes, however many tokens and sequences there are"

func ratio(a, b int64) string {
	if b == 0 {
		return "-"
	}
	return strconv.FormatFloat(float64(a)/float64(b), 'f', 3, 64)
}

func (r *Run) bits() *table {
	t, head, last := newTable(true), "bits\tmean", 8
	if r.Bytes.Tables > 0 {
		head, last = "levels\tbits", 9
	}
	for i := range last + 1 {
		head += fmt.Sprintf("\t%d", i)
	}
	t.row(head + "\traw\t")
	for _, k := range []struct {
		name string
		mean float64
		h    Histogram
	}{{"K", r.Bits.K, r.Histogram.K}, {"V", r.Bits.V, r.Histogram.V}} {
		cells := ""
		for _, n := range append(slices.Clone(k.h[:last+1]), k.h[16]) {
			cells += fmt.Sprintf("\t%d", n)
		}
		t.row("%s\t%.2f%s\t", k.name, k.mean, cells)
	}
	return t
}

func (r *Run) tail() *table {
	t := newTable(false)
	if g := r.Growth; g != nil {
		t.row("growth\t%.1f live bytes a token, least-squares line through %d samples with R² %.6f", g.LivePerToken, len(g.Samples), g.R2)
	}
	t.row("moves\t%d groups demoted, %d promoted, %d promotions missed", r.Moves.Demoted, r.Moves.Promoted, r.Moves.Missed)
	if r.Evicted != (Groups{}) {
		t.row("evicted\t%s", r.Evicted.of(r.Histogram, "take no part in attention any more"))
	}
	if r.Unmet != (Groups{}) {
		t.row("bound not met\t%s", r.Unmet.of(r.Histogram, "ask for more than the most bits: --bits-max 16 keeps them as they came, --alpha takes out more outliers"))
	}
	if r.NonFinite > 0 {
		t.row("not finite\t%d groups stored as they came", r.NonFinite)
	}
	if r.Clamped > 0 {
		t.row("clamped\t%d elements beyond the largest value of the cache's type", r.Clamped)
	}
	if q := r.Quality; q != nil {
		t.row("quality\ttop-1 agreement %.1f %%, mean KL divergence %.5f nats, %d positions against no compression",
			100*q.Top1, q.KLD, q.Positions)
	}
	t.row("speed\t%.1f tokens/s prefill, %.1f tokens/s decode", r.TokensPerS.Prefill, r.TokensPerS.Decode)
	if p := r.Plain; p != nil {
		t.row("plain speed\t%.1f tokens/s prefill, %.1f tokens/s decode, without compression", p.Prefill, p.Decode)
	}
	t.row("time\t%.2f s prefill, %.2f s decode", r.Seconds.Prefill, r.Seconds.Decode)
	return t
}

// kernels lists device time, longest first.
func (r *Run) kernels() *table {
	names := slices.SortedFunc(maps.Keys(r.KernelsMs), func(a, b string) int {
		switch d := r.KernelsMs[b] - r.KernelsMs[a]; {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return 0
	})
	t := newTable(true)
	t.row("device ms\t ")
	for _, n := range names {
		t.row("%.1f\t  %s", r.KernelsMs[n], n)
	}
	return t
}
