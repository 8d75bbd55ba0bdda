package session

import (
	"context"
	_ "embed"
	"errors"
	"os"

	"github.com/qaqvk/qaqvk/internal/model"
)

// quantile of the squared query norms that stands for all of them (QAQ, arXiv
// 2403.04643, section 3.3).
const quantile = 0.9

// calibrationText has prose, speech, numbers and code: what the norms are
// measured on, and no prompt of ours.
//
//go:embed calibration.txt
var calibrationText string

// calibrate returns the squared query norms by layer and KV head: those of an
// earlier run, or new ones, which it keeps in the cache folder.
func (s *session) calibrate(ctx context.Context) ([][]float64, error) {
	dir := s.options.CacheDir
	q, err := model.LoadQNorms(dir, s.model)
	switch {
	case err == nil:
		return q.Norms, nil
	case errors.Is(err, model.ErrNorms):
		s.ui.Note(err.Error() + "; calibrating anew")
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	s.ui.Note("calibrating query norms, once for this model")
	tokens, err := s.model.Tokenizer.Encode(calibrationText, false)
	if err != nil {
		return nil, err
	}
	tokens = tokens[:min(len(tokens), s.model.Context)]
	if q, err = model.Calibrate(ctx, s.model, tokens, quantile); err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o755), q.Save(dir)); err != nil {
		s.ui.Note("the next run calibrates again: " + err.Error())
	}
	return q.Norms, nil
}
