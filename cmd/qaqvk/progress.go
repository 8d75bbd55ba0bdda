package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress tells how far a command is: on a terminal one line that is drawn over
// itself, else a line at the start, one every half minute and one at the end of a
// phase.
type progress struct {
	out   io.Writer
	bar   *progressbar.ProgressBar
	tty   bool
	phase string
	last  time.Time

	current string    // the phase that goes on
	began   time.Time // when it did
	from    int       // parts that were done then
}

// every is the time between two lines where there is no terminal; redraw that
// between two drawings where there is one.
const (
	every  = 30 * time.Second
	redraw = 100 * time.Millisecond
)

func newProgress(out io.Writer) *progress {
	f, ok := out.(*os.File)
	return &progress{out: out, tty: ok && term.IsTerminal(int(f.Fd()))}
}

// step shows done of all parts of a phase.
func (p *progress) step(phase string, done, all int) {
	if p.tty {
		p.draw(phase, done, all)
		return
	}
	now := time.Now()
	if p.current != phase {
		p.current, p.began, p.from = phase, now, done
	}
	if now.Sub(p.last) >= every || done == all && p.phase != phase {
		fmt.Fprintf(p.out, "%s: %d of %d%s\n", phase, done, all, p.left(now, done, all))
		p.last = now
	}
	if done == all {
		p.phase = phase
	}
}

// left says how much time is left, where there is enough to tell it from.
func (p *progress) left(now time.Time, done, all int) string {
	took := now.Sub(p.began)
	if took < time.Second || done <= p.from || done == all {
		return ""
	}
	each := float64(took) / float64(done-p.from)
	return ", " + time.Duration(each*float64(all-done)).Round(time.Second).String() + " left"
}

func (p *progress) draw(phase string, done, all int) {
	if p.bar == nil {
		p.bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(phase),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(redraw))
	}
	p.bar.ChangeMax(all)
	p.bar.Describe(phase)
	_ = p.bar.Set(done)
	if done == all {
		p.finish()
	}
}

// finish takes the bar away.
func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// note prints a line beside the bar.
func (p *progress) note(format string, args ...any) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.out, format+"\n", args...)
}
