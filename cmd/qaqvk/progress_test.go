package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A log gets a line at the start, one when half a minute has passed and one at
// the end of a phase, however many steps there are.
func TestProgressInALog(t *testing.T) {
	var log bytes.Buffer
	p := newProgress(&log)
	for i := range 1000 {
		if i == 500 {
			p.last = p.last.Add(-every)
		}
		p.step("cases", i+1, 1000)
	}
	p.step("cases", 1000, 1000)
	for i := range 10 {
		p.step("rows", i+1, 10)
	}
	p.finish()
	p.note("ready in %d s", 3)
	require.Equal(t, "cases: 1 of 1000\ncases: 501 of 1000\ncases: 1000 of 1000\nrows: 10 of 10\nready in 3 s\n", log.String())
}

// From the parts that this run did follows the time that the others take.
func TestProgressTellsTheTimeLeft(t *testing.T) {
	var log bytes.Buffer
	p := newProgress(&log)
	p.step("cases", 500, 1000)
	p.began, p.last = p.began.Add(-time.Minute), p.last.Add(-every)
	p.step("cases", 600, 1000)
	require.Equal(t, "cases: 500 of 1000\ncases: 600 of 1000, 4m0s left\n", log.String())
}

// On a terminal every drawing begins at the start of the same line.
func TestProgressOnATerminal(t *testing.T) {
	var screen bytes.Buffer
	p := &progress{out: &screen, tty: true}
	for i := range 10_000 {
		p.step("cases", i+1, 10_000)
	}
	require.Contains(t, screen.String(), "cases")
	require.NotContains(t, screen.String(), "\n")
	require.Less(t, screen.Len(), 10_000, "not a drawing for every step")
}
