package eval

import (
	"context"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/session"
)

// StepTokens are the tokens of a step: the cache is as it was before the step
// for all of them.
const StepTokens = 32

// Method is a way to keep keys and values.
type Method interface {
	// Name is the method as the command line has it.
	Name() string
	// Open makes a store for texts of up to so many tokens.
	Open(ctx context.Context, b *Bench, tokens int) (Store, error)
}

// Store holds texts of a method, up to two at once.
type Store interface {
	NewText(ctx context.Context) (Text, error)
	Close()
}

// Text is the keys and values of a text as a method keeps them.
type Text interface {
	model.KV
	// Observe takes the attention probabilities of the newest queries of a layer,
	// [queries][QueryHeads][T], from attention that was computed elsewhere.
	Observe(layer int, probs []float32, queries int) error
	// Fork is a text of the same tokens that goes on apart.
	Fork(ctx context.Context) (Text, error)
	// Size is what the text takes now.
	Size() Size
	Close() error
}

// Size counts what a text takes.
type Size struct {
	Elements int64   `json:"elements"` // of K and V outside of the recent window
	Stored   float64 `json:"stored"`   // bytes of these, every header counted
	F16      int64   `json:"f16"`      // bytes of all rows in f16
	Live     float64 `json:"live"`     // bytes of everything: stored, recent window, importance
	Paper    float64 `json:"paper"`    // bytes as the QAQ paper counts them: codes and outlier values alone
}

// add sums sizes of several texts.
func (s *Size) add(o Size) {
	s.Elements += o.Elements
	s.Stored += o.Stored
	s.F16 += o.F16
	s.Live += o.Live
	s.Paper += o.Paper
}

// Bench is what methods run on.
type Bench struct {
	Model    *model.Model
	Device   device.Device
	Window   int    // newest tokens kept as they came
	Attend   bool   // attention on the device, where the method has a cache there
	Late     bool   // questions of tasks are compressed when they have been read
	Profile  string // file of the model's profile; "": the one that ships
	CacheDir string
	Note     func(line string)

	norms   [][]float64
	means   *model.KeyMeans
	profile *profile.Profile
	host    model.Attender
	k, v    []float32 // rows read from pages
}

// queryNorms are the model's squared query norms, calibrated once.
func (b *Bench) queryNorms(ctx context.Context) (_ [][]float64, err error) {
	if b.norms == nil {
		b.norms, err = session.QueryNorms(ctx, b.Model, b.CacheDir, b.Note)
	}
	return b.norms, err
}

// keyMeans are the model's mean keys over the calibration text.
func (b *Bench) keyMeans(ctx context.Context) (*model.KeyMeans, error) {
	if b.means != nil {
		return b.means, nil
	}
	tokens, err := session.CalibrationTokens(b.Model)
	if err != nil {
		return nil, err
	}
	b.means, err = model.MeanKeys(ctx, b.Model, tokens)
	return b.means, err
}
