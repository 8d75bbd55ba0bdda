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

// CalibrationTokens are those of the text that models are calibrated on.
func CalibrationTokens(m *model.Model) ([]int, error) {
	tokens, err := m.Tokenizer.Encode(calibrationText, false)
	return tokens[:min(len(tokens), m.Context)], err
}

// QueryNorms returns the squared query norms of a model by layer and KV head:
// those of an earlier run, or new ones, which it keeps in folder dir.
func QueryNorms(ctx context.Context, m *model.Model, dir string, note func(line string)) ([][]float64, error) {
	q, err := model.LoadQNorms(dir, m)
	switch {
	case err == nil:
		return q.Norms, nil
	case errors.Is(err, model.ErrNorms):
		note(err.Error() + "; calibrating anew")
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	note("calibrating query norms, once for this model")
	tokens, err := CalibrationTokens(m)
	if err != nil {
		return nil, err
	}
	if q, err = model.Calibrate(ctx, m, tokens, quantile); err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o755), q.Save(dir)); err != nil {
		note("the next run calibrates again: " + err.Error())
	}
	return q.Norms, nil
}
