package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/internal/model/tokenizer"
	"github.com/qaqvk/qaqvk/internal/recording"
	"github.com/qaqvk/qaqvk/shaders"
)

// importanceEvery are the steps from one reading of importance to the next.
const importanceEvery = 8

// watched tells watchers of a run.
type watched struct {
	ctx      context.Context
	watchers []recording.Watcher
	cache    *backend.Cache
	text     *backend.Sequence
	stream   *tokenizer.Stream
	policy   policy.Policy

	began  time.Time
	paused [2]time.Duration // in the prompt, behind it
	prompt int              // tokens
	tokens int              // told of
	steps  int
	target recording.Target
	now    backend.Inspection
	was    backend.Inspection // at the last step
}

// beginWatch begins to tell of a sequence without tokens.
func (s *session) beginWatch(ctx context.Context, cache *backend.Cache, text *backend.Sequence) error {
	if len(s.ui.Watch) == 0 {
		return nil
	}
	w := &watched{ctx: ctx, watchers: s.ui.Watch, cache: cache, text: text, stream: s.model.Tokenizer.Stream(), policy: s.policy,
		prompt: len(s.prompt), began: time.Now()}
	if err := text.Inspect(&w.was); err != nil {
		return err
	}
	r := &s.report
	h := recording.Header{Model: r.Model, Device: r.Device, Driver: r.Driver, Policy: r.Policy, Setting: r.Setting, Levels: s.profile != nil,
		Layers: len(w.was.Bits[0]), Groups: w.was.Groups, Prompt: len(s.prompt), All: len(s.prompt) + s.options.Tokens}
	if s.profile != nil {
		h.First = s.profile.Importance.First
		w.target.Budget = s.options.ByteBudget
	}
	if q, ok := s.policy.(policy.QAQ); ok {
		w.target.KeyError, w.target.ValueError = q.KeyError, q.ValueError
	}
	h.Target, h.Bytes = w.target, groupBytes(cache, h.Layers)
	s.watch = w
	for _, each := range w.watchers {
		if err := each.Begin(h); err != nil {
			return err
		}
	}
	return nil
}

// groupBytes are the bytes of groups by kind, layer and code.
func groupBytes(cache *backend.Cache, layers int) (bytes [2][][]float32) {
	for k := range bytes {
		for l := range layers {
			codes := make([]float32, recording.Codes)
			for c := range codes {
				if each, err := cache.GroupBytes(shaders.Kind(k), l, uint8(c)); err == nil { // else nothing has it
					codes[c] = float32(each)
				}
			}
			bytes[k] = append(bytes[k], codes)
		}
	}
	return bytes
}

// step tells of a step after which the cache holds the given tokens, and follows what
// watchers want.
func (w *watched) step(all []int) error {
	if w == nil {
		return nil
	}
	step, err := w.look(all)
	for err == nil {
		var target *recording.Target
		if target, err = w.tell(step); err != nil || target == nil {
			return err
		}
		var note string
		if note, err = w.retarget(*target); err != nil {
			return err
		}
		if step, err = w.look(all); err == nil {
			t := w.target
			step.Target, step.Note = &t, note
		}
	}
	return err
}

// tell returns what a watcher wants, if one wants anything.
func (w *watched) tell(step *recording.Step) (target *recording.Target, err error) {
	for _, each := range w.watchers {
		r, err := each.Step(step)
		if err != nil {
			return nil, err
		}
		w.pause(r.Paused)
		target = cmp.Or(r.Target, target)
	}
	return target, nil
}

func (w *watched) pause(d time.Duration) {
	if w.tokens <= w.prompt {
		w.paused[0] += d
	} else {
		w.paused[1] += d
	}
}

func (w *watched) pausedPrefilling() time.Duration {
	if w == nil {
		return 0
	}
	return w.paused[0]
}

func (w *watched) pausedDecoding() time.Duration {
	if w == nil {
		return 0
	}
	return w.paused[1]
}

// retarget gives the cache another target and has its bits chosen anew. One that it
// refuses is given up; the note says why.
func (w *watched) retarget(t recording.Target) (note string, err error) {
	before := w.target
	err = w.set(t)
	if errors.Is(err, backend.ErrBudget) || errors.Is(err, backend.ErrConfig) {
		note = err.Error()
		err = w.set(before)
	}
	return note, err
}

// set sets a target; a step without tokens follows it.
func (w *watched) set(t recording.Target) error {
	var err error
	switch p := w.policy.(type) {
	case policy.QAQ:
		p.KeyError, p.ValueError = t.KeyError, t.ValueError
		err = w.cache.SetPolicy(p)
		t.Budget = 0
	case policy.Levels:
		err = w.cache.SetBytesBudget(t.Budget)
		t.KeyError, t.ValueError = 0, 0
	default:
		err = fmt.Errorf("policy %s follows no target: %w", w.policy.Name(), backend.ErrConfig)
	}
	if err != nil {
		return err
	}
	w.target = t
	return w.text.Step(w.ctx)
}

// endWatch tells of the end of the run.
func (s *session) endWatch() error {
	if s.watch == nil {
		return nil
	}
	e := &recording.End{Prefill: s.report.TokensPerS.Prefill, Decode: s.report.TokensPerS.Decode}
	if q := s.report.Quality; q != nil {
		e.Top1, e.KLD = &q.Top1, &q.KLD
	}
	var all error
	for _, each := range s.watch.watchers {
		all = errors.Join(all, each.End(e))
	}
	return all
}
