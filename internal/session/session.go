package session

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/generate"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/sample"
	"github.com/qaqvk/qaqvk/internal/recording"
	"github.com/qaqvk/qaqvk/internal/report"
)

// batch is the number of prompt tokens of a step.
const batch = 32

// UI is told what goes on. Text is the answer, piece by piece.
type UI struct {
	Text     func(piece string)
	Progress func(phase string, done, all int)
	Note     func(line string)
	Trace    func(backend.Span)  // of the first pass; may be nil
	Watch    []recording.Watcher // of the first pass
}

// Run generates and compares. The device stays open.
func Run(ctx context.Context, d device.Device, o Options, ui UI) (*report.Run, error) {
	s := &session{device: d, options: o, ui: ui}
	defer s.close()
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if err := s.compressed(ctx); err != nil {
		return nil, err
	}
	if o.Compare {
		if err := s.plain(ctx); err != nil {
			return nil, err
		}
	}
	return &s.report, s.endWatch()
}

type session struct {
	device  device.Device
	options Options
	ui      UI
	model   *model.Model
	prompt  []int
	policy  policy.Policy
	profile *profile.Profile // of calibrated
	ahead   rehearsal
	result  generate.Result
	growth  *growth
	watch   *watched    // nil: nobody watches
	logits  [][]float32 // of the generated positions, kept for the comparison
	report  report.Run
}

// close ends the rehearsal and releases the model, which nothing was written to.
func (s *session) close() {
	s.ahead.end()
	if s.model != nil {
		s.model.Close()
	}
}

// prepare loads the model, tokenizes the prompt and makes the policy. Meanwhile the
// device makes the pipelines of a cache that needs no weights to be known.
func (s *session) prepare(ctx context.Context) (err error) {
	s.ui.Note("loading " + s.options.Model)
	if s.model, err = model.Open(s.options.Model); err != nil {
		return err
	}
	if err = s.choosePolicy(); err != nil {
		return err
	}
	if s.options.Policy != "qaq" {
		if err = s.begin(ctx, nil); err != nil {
			return err
		}
	}
	if err = s.model.LoadWeights(); err != nil {
		return err
	}
	s.ui.Note(s.model.Footprint.String())
	if err = s.ask(); err != nil {
		return err
	}
	if s.options.Policy == "qaq" {
		norms, err := QueryNorms(ctx, s.model, s.options.CacheDir, s.ui.Note)
		if err != nil {
			return err
		}
		return s.begin(ctx, norms)
	}
	return nil
}

// begin makes the policy, norms are for qaq, and begins the rehearsal.
func (s *session) begin(ctx context.Context, norms [][]float64) (err error) {
	if s.policy, err = s.options.policy(norms); err != nil {
		return err
	}
	r, o := &s.report, s.options
	r.Device, r.Driver, r.Policy = s.device.Name(), s.device.Driver(), o.Policy
	r.Model, r.Setting = filepath.Base(o.Model), o.setting(s.profile)
	s.ahead.begin(ctx, s.device, o.config(s.model.Config, s.policy, s.profile, s.model.Context))
	return nil
}

// choosePolicy loads the profile of calibrated and decides what auto is.
func (s *session) choosePolicy() (err error) {
	o := &s.options
	if o.Policy != Auto && o.Policy != Calibrated {
		return nil
	}
	if s.profile, err = LoadProfile(s.model, o.Profile, o.StoredBits, o.FixedLevel); err != nil {
		return err
	}
	switch {
	case s.profile != nil:
		o.Policy = Calibrated
	case o.Policy == Calibrated:
		return ErrNoProfile
	default:
		o.Policy = "qaq"
		s.ui.Note("no profile of the model, so bits by qaq; qaqvk calibrate makes one, which takes a third of the bytes")
	}
	return nil
}

// compressed is the first pass: the answer, from the cache on the device.
func (s *session) compressed(ctx context.Context) error {
	config := s.options.config(s.model.Config, s.policy, s.profile, len(s.prompt)+s.options.Tokens)
	config.Trace = s.ui.Trace
	cache, err := backend.New(s.device, config)
	if err != nil {
		return err
	}
	cache.TimeKernels(config.Trace != nil)
	s.growth = newGrowth(cache, len(s.prompt)+s.options.Tokens)
	text, err := cache.NewSequence()
	if err == nil {
		err = s.beginWatch(ctx, cache, text)
	}
	if err == nil {
		err = s.answer(ctx, text)
	}
	if err == nil {
		s.measure(cache)
	}
	cache.Close()
	return err
}

// answer generates with sampling and streams the text.
func (s *session) answer(ctx context.Context, text *backend.Sequence) error {
	sampler, err := sample.New(s.options.Sampling)
	if err != nil {
		return err
	}
	m, stream, fed := s.model, s.model.Tokenizer.Stream(), slices.Clone(s.prompt)
	o := generate.Options{
		Tokens: s.options.Tokens, Batch: batch,
		Prefilled: func(done, all int) error {
			s.growth.grown(done)
			s.ui.Progress("prompt", done, all)
			return s.watch.step(s.prompt[:done])
		},
		Next: func(i int, logits []float32) (int, error) {
			s.growth.grown(text.Tokens())
			if i > 0 { // the first follows from the prompt
				if err := s.watch.step(fed); err != nil {
					return 0, err
				}
			}
			token, err := sampler.Next(logits)
			if err != nil {
				return 0, err
			}
			if s.options.Compare {
				s.logits = append(s.logits, logits)
			}
			s.ui.Text(stream.Next(token))
			fed = append(fed, token)
			return token, nil
		},
	}
	if !s.options.IgnoreEnd {
		o.Ends = m.Tokenizer.Ends
	}
	s.result, err = generate.Run(ctx, m, generate.NewStore(ctx, text), s.prompt, o)
	if len(s.result.Tokens) > 0 { // also before an error, which begins a line of its own
		s.ui.Text(stream.Flush() + "\n\n")
	}
	return err
}
