package report

import (
	"sync"
	"time"

	"github.com/qaqvk/qaqvk/backend"
)

// Timeline collects the spans of a cache.
type Timeline struct {
	mu    sync.Mutex
	spans []backend.Span
}

// Add takes a span; several goroutines may call it.
func (t *Timeline) Add(s backend.Span) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spans = append(t.spans, s)
}

// traceEvent is one object of the trace-event format that timeline viewers
// (Perfetto, chrome://tracing) read: "X" is a span, "M" names a thread.
type traceEvent struct {
	Name     string            `json:"name"`
	Phase    string            `json:"ph"`
	Process  int               `json:"pid"`
	Thread   int               `json:"tid"`
	Start    float64           `json:"ts"`  // µs since the first span began
	Duration float64           `json:"dur"` // µs
	Args     map[string]string `json:"args,omitempty"`
}

// Write writes the spans in the trace-event format to the file at path: whole,
// or not at all.
func (t *Timeline) Write(path string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var zero time.Time
	for i, s := range t.spans {
		if i == 0 || s.Start.Before(zero) {
			zero = s.Start
		}
	}
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	events := []traceEvent{}
	for track := backend.Calls; track <= backend.AdaptationDevice; track++ {
		events = append(events, traceEvent{Name: "thread_name", Phase: "M", Process: 1, Thread: int(track), Args: map[string]string{"name": track.String()}})
	}
	for _, s := range t.spans {
		events = append(events, traceEvent{Name: s.Name, Phase: "X", Process: 1, Thread: int(s.Track),
			Start: micros(s.Start.Sub(zero)), Duration: micros(s.End.Sub(s.Start))})
	}
	return writeJSON(path, events, "")
}
