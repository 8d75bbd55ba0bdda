package device

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// bothDevice keeps every buffer twice, runs every list on a device under test
// and on the reference, and compares the words that the list may have written.
// Submit is synchronous: nothing else may touch the buffers in between.
type bothDevice struct {
	mu   sync.Mutex // of Submit
	test Device
	ref  *cpuDevice
}

// newBothDevice owns the device under test.
func newBothDevice(test Device, o Options) *bothDevice {
	return &bothDevice{test: test, ref: newCPUDevice(o)}
}

func (d *bothDevice) Name() string   { return "both:" + d.test.Name() }
func (d *bothDevice) Driver() string { return d.test.Driver() }
func (d *bothDevice) Limits() Limits { return d.test.Limits() }
func (d *bothDevice) Stats() Stats   { return d.test.Stats() }

// NewBuffer gives zeroed words on both sides, so that words which no kernel
// writes compare equal.
func (d *bothDevice) NewBuffer(label string, words int, m Memory) (Buffer, error) {
	test, err := d.test.NewBuffer(label, words, m)
	if err != nil {
		return nil, err
	}
	ref, err := d.ref.NewBuffer(label, words, m)
	if err != nil {
		test.Release()
		return nil, err
	}
	b := &bothBuffer{device: d, test: test, ref: ref.(*cpuBuffer)}
	if err := b.clear(); err != nil {
		b.Release()
		return nil, err
	}
	return b, nil
}

// Owns tells whether a buffer is one of this device's that are not released.
func (d *bothDevice) Owns(b Buffer) bool {
	c, ok := b.(*bothBuffer)
	return ok && c.device == d && d.ref.Owns(c.ref)
}

func (d *bothDevice) Submit(l *List) (Ticket, error) {
	if l.err != nil {
		return nil, l.err
	}
	pair, err := d.pairOf(l)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	before := pair.takeInputs()
	ticket, err := d.test.Submit(pair.test)
	if err != nil {
		return nil, err
	}
	if err := ticket.Wait(context.Background()); err != nil {
		return nil, err
	}
	if err := Run(context.Background(), d.ref, pair.ref); err != nil {
		return nil, err
	}
	return &bothTicket{err: d.compare(pair, before), times: ticket.Times()}, nil
}

// compare checks all that the list may have written. At a difference the list
// is run again command by command, from the state before, to name the first
// command at fault.
func (d *bothDevice) compare(p *listPair, before map[*bothBuffer][]uint32) error {
	err := d.compareViews(p.source, p.source.commands...)
	if err == nil {
		return nil
	}
	if restoreErr := restore(before); restoreErr != nil {
		return restoreErr
	}
	for i := range p.source.commands {
		if stepErr := d.step(p, i); stepErr != nil {
			return stepErr
		}
	}
	return fmt.Errorf("%w (not seen again when run command by command)", err)
}

// step runs command i of a pair on both sides and compares what it wrote.
func (d *bothDevice) step(p *listPair, i int) error {
	for _, side := range []struct {
		device Device
		list   *List
	}{{d.test, p.test}, {d.ref, p.ref}} {
		one := &List{limits: side.list.limits, commands: side.list.commands[i : i+1]}
		err := Run(context.Background(), side.device, one)
		one.Release()
		if err != nil {
			return err
		}
	}
	return d.compareViews(p.source, p.source.commands[i])
}

func (d *bothDevice) compareViews(l *List, commands ...Command) error {
	for _, c := range commands {
		for _, v := range c.writes() {
			b := v.Buffer.(*bothBuffer)
			got, err := Read(context.Background(), d.test, View{b.test, v.Offset, v.Words})
			if err != nil {
				return err
			}
			want := b.ref.words[v.Offset : v.Offset+v.Words]
			for i := range want {
				if got[i] != want[i] {
					return &MismatchError{Command: slices.Index(l.commands, c), Line: c.String(),
						Buffer: b.Label(), Index: v.Offset + i, Got: got[i], Want: want[i]}
				}
			}
		}
	}
	return nil
}

func (d *bothDevice) Close() error {
	err := d.ref.Close()
	if testErr := d.test.Close(); testErr != nil {
		return testErr
	}
	return err
}

// MismatchError is a word that a device under test computed otherwise than
// the reference did.
type MismatchError struct {
	Command   int    // index in the list
	Line      string // the command
	Buffer    string
	Index     int // word in the buffer
	Got, Want uint32
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("device: command %d: %s: %s[%d] is %08x, want %08x",
		e.Command, e.Line, e.Buffer, e.Index, e.Got, e.Want)
}

// bothTicket is a list that ran on both sides.
type bothTicket struct {
	err   error
	times map[string]time.Duration
}

func (t *bothTicket) Wait(context.Context) error      { return t.err }
func (t *bothTicket) Times() map[string]time.Duration { return t.times }
