package backend

import (
	"time"

	"github.com/qaqvk/qaqvk/internal/names"
)

// Track is a row of a timeline: what works at one thing at a time.
type Track int

// The tracks of a cache. What is on the tracks of adaptations may happen at the
// same time as what is on those of calls.
const (
	Calls            Track = iota // calls of Append, Attend, Read, Observe, Step and Adapt; between them the caller works
	CallsDevice                   // the device, for these calls
	Adaptation                    // the host, for adaptations: compare, supply
	AdaptationDevice              // the device, for adaptations
)

var trackNames = [...]string{"calls", "calls, device", "adaptation", "adaptation, device"}

// String is a name to show.
func (t Track) String() string { return names.Of("track", int(t), trackNames[:]) }

// Span is some time of a track. On the device it is that of a list, as the host
// sees it: from its submission until the end of the wait, so that it includes a
// wait for lists that were submitted before it.
type Span struct {
	Name       string // the call, the role of the list (Cache.Lists), or what the host does
	Track      Track
	Start, End time.Time
}

// spans begins spans of a track; the function that it returns ends one.
func (c *Cache) spans(t Track) func(name string) func() {
	if c.cfg.Trace == nil {
		return func(string) func() { return func() {} }
	}
	return func(name string) func() {
		began := time.Now()
		return func() { c.cfg.Trace(Span{name, t, began, time.Now()}) }
	}
}

// span begins the span of a call.
func (c *Cache) span(call string) func() { return c.spans(Calls)(call) }
