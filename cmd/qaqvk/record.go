package main

import (
	"github.com/qaqvk/qaqvk/internal/recording"
)

// recorder is a watcher that writes the file of --record. What cannot be written does
// not end the run: close tells of it.
type recorder struct {
	path string
	to   *recording.Writer
}

// Begin implements recording.Watcher.
func (r *recorder) Begin(h recording.Header) (err error) {
	r.to, err = recording.Create(r.path, h)
	return err
}

// Step implements recording.Watcher.
func (r *recorder) Step(s *recording.Step) (recording.Reply, error) {
	r.to.Step(s)
	return recording.Reply{}, nil
}

// End implements recording.Watcher.
func (r *recorder) End(e *recording.End) error {
	r.to.End(e)
	return nil
}

// close closes the file, if the run came to one.
func (r *recorder) close() error {
	if r.to == nil {
		return nil
	}
	return r.to.Close()
}
