package session

import (
	"context"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/generate"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/report"
)

// measure fills the report with what the cache and the first pass give.
func (s *session) measure(cache *backend.Cache) {
	c := cache.Stats()
	r := &s.report
	r.Tokens = report.Tokens{Prompt: len(s.prompt), Generated: len(s.result.Tokens)}
	r.Evicted, r.Unmet = report.Groups{K: c.K.Evicted, V: c.V.Evicted}, report.Groups{K: c.K.Unmet, V: c.V.Unmet}
	r.Bytes, r.Moves, r.NonFinite, r.Clamped = c.Bytes, c.Moves, c.NonFinite, c.Clamped
	s.result.Decode -= s.watch.pausedDecoding()
	s.result.Prefill -= s.watch.pausedPrefilling()
	r.Growth = s.growth.finish()
	r.Bits = report.Bits{K: digits(c.K.Mean), V: digits(c.V.Mean)}
	r.Histogram = report.Histograms{K: c.K.Histogram, V: c.V.Histogram}
	r.TokensPerS = s.rates(s.result)
	r.Seconds = report.Speed{Prefill: digits(s.result.Prefill.Seconds()), Decode: digits(s.result.Decode.Seconds())}
	r.KernelsMs = map[string]float64{}
	for k, t := range c.Times {
		r.KernelsMs[k] = digits(float64(t) / float64(time.Millisecond))
	}
}

func (s *session) rates(r generate.Result) report.Speed {
	return report.Speed{Prefill: digits(r.PrefillRate(len(s.prompt))), Decode: digits(r.DecodeRate())}
}

// digits keeps three digits behind the point.
func digits(x float64) float64 { return report.Round(x, 3) }

// plain is the second pass: the same tokens over plain f32 rows.
func (s *session) plain(ctx context.Context) error {
	tokens := s.result.Tokens
	var q model.Quality
	result, err := generate.Run(ctx, s.model, model.NewMemory(s.model.Config), s.prompt, generate.Options{
		Tokens: len(tokens), Batch: batch,
		Prefilled: func(done, all int) error {
			s.ui.Progress("comparison, prompt", done, all)
			return nil
		},
		Next: func(i int, logits []float32) (int, error) {
			if err := q.Add(logits, s.logits[i]); err != nil {
				return 0, fmt.Errorf("session: position %d: %w", i, err)
			}
			s.logits[i] = nil
			s.ui.Progress("comparison", i+1, len(tokens))
			return tokens[i], nil
		},
	})
	if err != nil {
		return err
	}
	rates := s.rates(result)
	s.report.Plain = &rates
	s.report.Quality = &report.Quality{Top1: q.Top1(), KLD: q.KLD(), Positions: len(tokens)}
	return nil
}
