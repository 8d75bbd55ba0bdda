package recording

import "time"

// Watcher sees a text and its cache grow. Its calls come from the run, which waits for
// them, one at a time; an error ends the run.
type Watcher interface {
	Begin(Header) error
	// Step is told of each step, and may hold the run. Where the reply wants another
	// target, the next call tells what came of it.
	Step(*Step) (Reply, error)
	End(*End) error
}

// Reply is what a watcher wants.
type Reply struct {
	Target *Target       // nil: go on
	Paused time.Duration // that the call held the run for
}
