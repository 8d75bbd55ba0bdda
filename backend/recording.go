package backend

import (
	"fmt"
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/attend"
	"github.com/qaqvk/qaqvk/backend/internal/window"
)

// Recording is attention of sequences of a cache that is recorded into a command buffer
// of the caller (Sequence.RecordAttend) and runs when the caller submits that.
//
//	r, err := cache.NewRecording(commandBuffer) // in the recording state
//	for each layer {
//		// the caller's commands that compute q, k and v
//		err = text.Append(layer, backend.RowsView(t, k), backend.RowsView(t, v))
//		err = text.RecordAttend(r, layer, backend.RowsView(t, q), backend.RowsView(t, out), o)
//		// the caller's commands that read out
//	}
//	// vkEndCommandBuffer, vkQueueSubmit to the device's queue, vkWaitForFences
//	r.Finish()
//	err = text.Step(ctx)
//
// Barriers. What is recorded begins and ends with a memory barrier between the writes and
// the reads and writes of compute shaders and transfers, at its end also those
// of the host. So the caller needs none before it for q, k and v that its
// compute shaders or transfers write, nor behind it for theirs that read out; for other stages,
// and to hand over buffers between queue families, it records its own: before it to the
// compute stage, shader reads, and behind it from the compute stage, shader writes.
// Pipeline, descriptor sets and push constants of the compute bind point are others afterwards;
// a command buffer inside a render pass is none that compute can be recorded into.
//
// What must stay. Until Finish or Discard: the command buffer's submission goes to the
// device's queue, once, and runs before any later submission of this cache; the buffers of q, k,
// v and out are not released, nor k and v written, before it has finished. Calls that run
// on the device or change sequences, Step, Attend, Read, Fork, Drop and others, fail with
// ErrRecorded; Append, RecordAttend, NewSequence, NewRecording, Tokens, Stats and Close do
// not. Importance counts the queries in Finish, and Step comes after it.
//
// Several command buffers have a Recording each, which may be open at the same time and
// run in the order in which they were recorded.
type Recording struct {
	c     *Cache
	into  *device.Recording
	calls []recordedCall
}

// recordedCall is a call that has been recorded.
type recordedCall struct {
	s       *Sequence
	call    attend.Call
	counts  bool // its queries, for importance
	claimed []window.Appended
	held    attend.Held
}

// NewRecording begins a recording into a VkCommandBuffer, the value of the C handle, in
// the recording state and of the VkDevice of the cache. The error wraps
// device.ErrUnsupported where the device is none of Vulkan.
func (c *Cache) NewRecording(commandBuffer uintptr) (*Recording, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	into, err := device.NewRecording(c.work.Device, commandBuffer)
	if err != nil {
		return nil, fmt.Errorf("backend: new recording: %w", err)
	}
	c.recorded = true
	for _, s := range c.inOrder() { // none grows while a command buffer holds it
		if err := s.fitRing(s.newest()); err != nil {
			into.Release()
			return nil, err
		}
	}
	r := &Recording{c: c, into: into}
	c.recordings = append(c.recordings, r)
	return r, nil
}

// RecordAttend records what Attend does, the conversion of the rows that were appended
// to the sequence included, into the command buffer of a recording (Recording says what
// holds there). Rows, queries and out are Views. A layer of a sequence is recorded at most once
// until the recording has ended. Errors are those of Attend, and ErrHostRows for rows
// in host memory, ErrRecorded for a second time or a recording that has ended; they leave the
// command buffer as it was. After one of the driver it can only be reset, and the recording discarded.
func (s *Sequence) RecordAttend(r *Recording, layer int, q, out Rows, o AttendOptions) error {
	if err := s.usable(layer); err != nil {
		return err
	}
	defer s.c.span("record_attend")()
	n, err := s.checkQueries(layer, q, out, &o)
	if err == nil {
		err = s.checkRecorded(r, layer, q, out)
	}
	if err != nil {
		return fmt.Errorf("backend: record attention: %w", err)
	}
	return r.add(recordedCall{s: s, call: s.attention(layer, n, q, out, o), counts: !o.SkipImportance})
}

// checkRecorded refuses what Attend can do and a recording cannot.
func (s *Sequence) checkRecorded(r *Recording, layer int, q, out Rows) error {
	if r == nil || r.c != s.c || !slices.Contains(s.c.recordings, r) {
		return fmt.Errorf("the recording has ended or is none of the cache: %w", ErrRecorded)
	}
	if q.view.Buffer == nil || out.view.Buffer == nil {
		return fmt.Errorf("q and out: %w", ErrHostRows)
	}
	if slices.ContainsFunc(s.window.Waiting(), window.Appended.Staged) {
		return fmt.Errorf("appended k and v: %w", ErrHostRows)
	}
	for _, o := range s.c.recordings {
		if slices.ContainsFunc(o.calls, func(c recordedCall) bool { return c.s == s && c.call.Layer == layer }) {
			return fmt.Errorf("layer %d of sequence %d a second time: %w", layer, s.id, ErrRecorded)
		}
	}
	return nil
}

// add records a call.
func (r *Recording) add(c recordedCall) (err error) {
	list := device.NewList(r.c.work.Device)
	if c.held, err = r.c.attention.Record(list, c.call); err != nil {
		return err
	}
	if err := r.into.Record(list); err != nil {
		r.c.attention.Give(c.held)
		return r.c.work.Lost(fmt.Errorf("backend: record attention: %w", err))
	}
	c.claimed = c.s.window.Claim()
	r.calls = append(r.calls, c)
	return nil
}

// Finish says that the caller's submission has finished: importance counts the queries,
// and Stats what was clamped. The recording has ended then; a second Finish or Discard does
// nothing.
func (r *Recording) Finish() {
	for _, c := range r.calls {
		c.s.window.Count()
		if c.counts {
			c.s.state.done(c.call.Layer, c.call.Queries, c.call.Tokens)
		}
	}
	r.end()
}

// Discard says that the command buffer was not and will not be submitted: the rows that
// it would have taken wait again, as before RecordAttend.
func (r *Recording) Discard() {
	for _, c := range slices.Backward(r.calls) {
		c.s.window.Return(c.claimed)
	}
	r.end()
}

// end frees what the commands used.
func (r *Recording) end() {
	if !slices.Contains(r.c.recordings, r) {
		return
	}
	for _, c := range r.calls {
		r.c.attention.Give(c.held)
	}
	r.into.Release()
	r.calls = nil
	r.c.recordings = slices.DeleteFunc(r.c.recordings, func(o *Recording) bool { return o == r })
}
