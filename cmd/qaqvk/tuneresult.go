package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/eval"
	"github.com/qaqvk/qaqvk/internal/tune"
)

// tuneResult is the result of `qaqvk tune`.
type tuneResult struct {
	Model        string         `json:"model"` // file name
	Device       string         `json:"device"`
	Driver       string         `json:"driver"`
	Target       tuneTarget     `json:"target"`
	Met          bool           `json:"met"`
	Converged    bool           `json:"converged"` // before time or measurements were over
	Rate         float64        `json:"rate"`      // ln KLD a bit an element
	Before       tune.Setting   `json:"before"`
	Slope        tune.Point     `json:"slope_solved"`
	Tuned        tune.Point     `json:"tuned"`
	Measurements []tune.Point   `json:"measurements"` // in order
	Profile      string         `json:"profile"`      // SHA-256 of the tuned one
	Texts        []*eval.Result `json:"texts"`
}

// tuneTarget is the one that was wanted; the other is null.
type tuneTarget struct {
	KLD   *float64 `json:"kld"`
	Ratio *float64 `json:"ratio"`
}

func newTuneResult(t *tuning, found *tune.Result, tuned *profile.Profile) *tuneResult {
	target := tuneTarget{KLD: &t.flags.target.KLD}
	if t.flags.target.Ratio > 0 {
		target = tuneTarget{Ratio: &t.flags.target.Ratio}
	}
	return &tuneResult{
		Model: filepath.Base(t.flags.model), Device: t.bench.Device.Name(), Driver: t.bench.Device.Driver(),
		Target: target, Met: t.flags.target.Kept(found.Tuned.Figures), Converged: found.Converged, Rate: found.Rate,
		Before: tune.SettingOf(t.profile), Slope: found.Solved, Tuned: found.Tuned, Measurements: found.Points, Profile: tuned.Hash(),
	}
}

// write prints what came of it, and writes it as JSON where that was asked for.
func (r *tuneResult) write(out io.Writer, f *tuneFlags) error {
	if err := writeJSON(f.json, r); err != nil {
		return err
	}
	fmt.Fprintf(out, "before   %s\ntuned    %s\nprofile  %s, sha256 %s, %d measurements\n\n", r.Before, r.Tuned.Setting, f.out, r.Profile, len(r.Measurements))
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "method\ttext\tbits\tlive / f16\tKLD\tppl / f16\ttop-1\t")
	for _, text := range r.Texts {
		for _, row := range text.Rows {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", row.Method, text.Text,
				digits(row.BPE, 3), digits(row.LiveRatio, 3), digits(row.KLD, 5), digits(row.PPLRatio, 4), digits(row.Top1, 4))
		}
	}
	return t.Flush()
}

// digits is a number, or a dash for what was not measured.
func digits(x *float64, n int) string {
	if x == nil {
		return "–"
	}
	return strconv.FormatFloat(*x, 'f', n, 64)
}
