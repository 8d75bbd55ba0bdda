package device

import (
	"fmt"
	"strings"
)

// List is a sequence of recorded commands that a Device runs as often as it is
// submitted. Everything that earlier lists wrote is visible to it, and what it
// wrote is visible to later lists and, after Ticket.Wait, to the host; inside a
// list only a Barrier orders two commands that touch the same words.
//
// Misuse is found while recording: the first error stays in Err, and Submit
// returns it.
type List struct {
	limits   Limits
	commands []Command
	err      error
	only     string   // label of the marks that are recorded; "": all are
	compiled releaser // the device's form of the commands, nil when none or stale
}

type releaser interface{ Release() }

// NewList gives an empty list for a device.
func NewList(d Device) *List { return &List{limits: d.Limits()} }

// Err is the first mistake of the recording.
func (l *List) Err() error { return l.err }

// Commands are what was recorded, in order. They must not be changed.
func (l *List) Commands() []Command { return l.commands }

// Dispatch records a run of a kernel.
func (l *List) Dispatch(d Dispatch) { l.add(&d) }

// Copy records copies of words between two buffers.
func (l *List) Copy(src, dst Buffer, regions ...Region) {
	l.add(&Copy{Src: src, Dst: dst, Regions: regions})
}

// Fill records the writing of one value into words of a buffer.
func (l *List) Fill(b Buffer, offset, words int, value uint32) {
	l.add(&Fill{Buffer: b, Offset: offset, Words: words, Value: value})
}

// Barrier records that commands of stage to that follow wait for those of
// stage from that went before, and see what they wrote.
func (l *List) Barrier(from, to Stage) { l.add(&Barrier{From: from, To: to}) }

// Mark records a point in time; see Ticket.Times.
func (l *List) Mark(label string) {
	if l.only == "" || l.only == label {
		l.add(&Mark{Label: label})
	}
}

// OnlyMark leaves out, until Reset, all marks but those with a label. On some drivers
// a mark costs as much as a dispatch.
func (l *List) OnlyMark(label string) { l.only = label }

// Reset empties the list for a new recording. The list must not be running.
func (l *List) Reset() {
	l.Release()
	l.commands, l.err, l.only = nil, nil, ""
}

// Release frees what a device keeps for the list, after waiting for a run of
// it that is not finished. The list can still be submitted afterwards.
func (l *List) Release() {
	if l.compiled != nil {
		l.compiled.Release()
		l.compiled = nil
	}
}

// String gives one line a command.
func (l *List) String() string {
	var b strings.Builder
	for _, c := range l.commands {
		b.WriteString(c.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// Check makes the recording one that Submit refuses if err is not nil.
func (l *List) Check(err error) {
	if l.err == nil {
		l.err = err
	}
}

func (l *List) add(c Command) {
	if l.err != nil {
		return
	}
	if err := c.check(l.limits); err != nil {
		l.err = fmt.Errorf("device: command %d: %s: %w", len(l.commands), c.name(), err)
		return
	}
	l.Release() // the device's form has grown stale
	l.commands = append(l.commands, c)
}
