package capi

import (
	"context"
	"errors"
	"fmt"

	"github.com/qaqvk/qaqvk/backend"
)

// openSequence is a sequence of a cache.
type openSequence struct {
	of       *openCache
	sequence *backend.Sequence
}

func (*openSequence) kind() string { return "sequence" }

// onSequence calls f while nothing else uses the sequence's cache.
func onSequence(h Handle, f func(*backend.Sequence) error) error {
	s, err := find[*openSequence](h)
	if err != nil {
		return err
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return f(s.sequence)
}

// NewSequence adds an empty sequence.
func NewSequence(cache Handle) (h Handle, err error) {
	err = onCache(cache, func(c *openCache) error {
		s, err := c.cache.NewSequence()
		if err == nil {
			h = c.enter(&openSequence{c, s})
		}
		return err
	})
	return h, err
}

// Fork adds a sequence that equals one.
func Fork(of Handle) (h Handle, err error) {
	o, err := find[*openSequence](of)
	if err != nil {
		return 0, err
	}
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	s, err := o.sequence.Fork()
	if err != nil {
		return 0, err
	}
	return o.of.enter(&openSequence{o.of, s}), nil
}

// Drop ends a sequence.
func Drop(h Handle) error {
	s, err := find[*openSequence](h)
	if err != nil {
		return err
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if err := s.sequence.Drop(); err != nil {
		return err
	}
	s.of.leave(h)
	return nil
}

// Append adds rows to a layer.
func Append(h Handle, layer int, k, v Rows) error {
	return withRows(h, k, v, func(s *backend.Sequence, k, v backend.Rows) error { return s.Append(layer, k, v) })
}

// withRows calls f with two rows while nothing else uses the cache.
func withRows(h Handle, a, b Rows, f func(s *backend.Sequence, a, b backend.Rows) error) error {
	x, y, err := pair(a, b)
	if err != nil {
		return err
	}
	return onSequence(h, func(s *backend.Sequence) error { return f(s, x, y) })
}

// Attend attends to a layer.
func Attend(h Handle, layer int, q, out Rows, o backend.AttendOptions) error {
	return withRows(h, q, out, func(s *backend.Sequence, q, out backend.Rows) error {
		return s.Attend(context.Background(), layer, q, out, o)
	})
}

// Observe takes probabilities.
func Observe(h Handle, layer int, probs []float32, queries, queryHeads int) error {
	return onSequence(h, func(s *backend.Sequence) error { return s.Observe(layer, probs, queries, queryHeads) })
}

// Step ends a model step.
func Step(h Handle) error {
	return onSequence(h, func(s *backend.Sequence) error {
		err := s.Step(context.Background())
		if errors.Is(err, backend.ErrDeferred) {
			logf(LogWarning, "%v", err)
		}
		return err
	})
}

// Adapt chooses all bits anew and counts the groups that moved.
func Adapt(h Handle) (moved uint64, err error) {
	err = onSequence(h, func(s *backend.Sequence) error {
		m, err := s.Adapt(context.Background())
		moved = uint64(m.Demoted + m.Promoted)
		return err
	})
	return moved, err
}

// Rollback drops the last tokens.
func Rollback(h Handle, tokens int) error {
	return onSequence(h, func(s *backend.Sequence) error { return s.Rollback(tokens) })
}

// Tokens are those of finished steps.
func Tokens(h Handle) (tokens int, err error) {
	err = onSequence(h, func(s *backend.Sequence) error {
		tokens = s.Tokens()
		return nil
	})
	return tokens, err
}

// Read reads the rows of a layer.
func Read(h Handle, layer int, k, v Rows) (tokens int, err error) {
	err = withRows(h, k, v, func(s *backend.Sequence, k, v backend.Rows) (err error) {
		tokens, err = s.Read(layer, k, v)
		return err
	})
	return tokens, err
}

// SequenceStats are the counters of a sequence.
func SequenceStats(h Handle) (st backend.Stats, err error) {
	err = onSequence(h, func(s *backend.Sequence) error {
		st = s.Stats()
		return nil
	})
	return st, err
}

// openRecording is a recording of a cache.
type openRecording struct {
	of        *openCache
	recording *backend.Recording
}

func (*openRecording) kind() string { return "recording" }

// NewRecording begins to record into a command buffer.
func NewRecording(cache Handle, commandBuffer uintptr) (h Handle, err error) {
	err = onCache(cache, func(c *openCache) error {
		if commandBuffer == 0 {
			return fmt.Errorf("capi: recording: the command buffer is NULL: %w", ErrArgument)
		}
		r, err := c.cache.NewRecording(commandBuffer)
		if err == nil {
			h = c.enter(&openRecording{c, r})
		}
		return err
	})
	return h, err
}

// RecordAttend records attention to a layer.
func RecordAttend(recording, h Handle, layer int, q, out Rows, o backend.AttendOptions) error {
	r, err := find[*openRecording](recording)
	if err != nil {
		return err
	}
	return withRows(h, q, out, func(s *backend.Sequence, q, out backend.Rows) error {
		return s.RecordAttend(r.recording, layer, q, out, o)
	})
}

// EndRecording finishes a recording whose submission has finished, or discards it.
func EndRecording(h Handle, ran bool) error {
	r, err := find[*openRecording](h)
	if err != nil {
		return err
	}
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	if ran {
		r.recording.Finish()
	} else {
		r.recording.Discard()
	}
	r.of.leave(h)
	return nil
}
