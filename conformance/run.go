package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/qaqvk/qaqvk/backend/device"
)

// Report is the outcome of a run. Digest is over all outputs in order: two
// devices that conform have the same for the same cases.
type Report struct {
	Device   string    `json:"device"`
	Driver   string    `json:"driver"`
	Cases    int       `json:"cases"`
	Passed   int       `json:"passed"`
	Failed   int       `json:"failed"`
	Digest   string    `json:"digest"`
	Failures []Failure `json:"failures"`
}

// Failure is a case that went wrong; Buffer is empty where no single word did.
type Failure struct {
	Case    string `json:"case"`
	Message string `json:"message"`
	Buffer  string `json:"buffer,omitempty"`
	Index   int    `json:"index"`
	Got     string `json:"got,omitempty"`  // bits, hexadecimal
	Want    string `json:"want,omitempty"` // bits, hexadecimal
}

// Progress is told of every case when it is done; failure is nil when it passed.
type Progress func(done, total int, c Case, failure *Failure)

// Run executes the cases whose names match filter (all if nil) on a device.
// The error is of the suite itself, or ctx's between two cases; what the device
// does wrong is in the report.
func Run(ctx context.Context, d device.Device, filter *regexp.Regexp, progress Progress) (*Report, error) {
	cases, err := Cases()
	if err != nil {
		return nil, err
	}
	expected, err := loadExpected()
	if err != nil {
		return nil, err
	}
	if filter != nil {
		cases = matching(cases, filter)
	}
	return run(ctx, d, cases, expected, progress)
}

func matching(cases []Case, filter *regexp.Regexp) []Case {
	var out []Case
	for _, c := range cases {
		if filter.MatchString(c.Name) {
			out = append(out, c)
		}
	}
	return out
}

func run(ctx context.Context, d device.Device, cases []Case, expected *Expected, progress Progress) (*Report, error) {
	e := &executor{device: d}
	defer e.release()
	r := &Report{Device: d.Name(), Driver: d.Driver(), Cases: len(cases), Failures: []Failure{}}
	digest := newRunDigest()
	for i, c := range cases {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("conformance: after %d of %d cases: %w", i, len(cases), err)
		}
		p, err := c.build()
		if err != nil {
			return nil, err
		}
		got, err := e.check(p, expected.Cases[c.Name])
		digest.add(c.Name, got)
		failure := failureOf(c, err)
		if failure != nil {
			r.Failures = append(r.Failures, *failure)
		}
		if progress != nil {
			progress(i+1, len(cases), c, failure)
		}
	}
	r.Failed = len(r.Failures)
	r.Passed = r.Cases - r.Failed
	r.Digest = digest.String()
	return r, nil
}

// check runs a program and returns the digest of its outputs, "" if there is
// none, and what is wrong.
func (e *executor) check(p *program, want string) (string, error) {
	words, err := e.execute(p)
	if err != nil {
		return "", err
	}
	digest := digestOf(p, words)
	if digest != want {
		return digest, explain(p, words, digest, want)
	}
	return digest, p.holds(words)
}

// explain finds the word that differs from what the reference gives.
func explain(p *program, words [][]uint32, digest, want string) error {
	reference, err := p.reference()
	if err != nil {
		return err
	}
	for i, b := range p.buffers {
		if j := firstDifference(words[i], reference[i]); j >= 0 {
			return &wordError{b.name, j, words[i][j], reference[i][j]}
		}
	}
	return fmt.Errorf("digest %s, want %q: expected.json is not what the reference gives", digest, want)
}

func failureOf(c Case, err error) *Failure {
	if err == nil {
		return nil
	}
	f := &Failure{Case: c.Name, Message: err.Error()}
	var w *wordError
	if errors.As(err, &w) {
		f.Buffer, f.Index = w.buffer, w.index
		f.Got, f.Want = fmt.Sprintf("%08x", w.got), fmt.Sprintf("%08x", w.want)
	}
	return f
}
