package session

import (
	"cmp"
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/model/sample"
)

// Options say what to run. Names are checked where they are given; the limits
// of numbers are those of package backend and are told when the cache is made.
type Options struct {
	Model     string // GGUF file
	Prompt    string // "" for the default prompt
	Tokens    int    // tokens to generate
	IgnoreEnd bool   // go on behind the model's end of text
	Compare   bool   // second pass without compression

	Policy     string  // auto, calibrated, none, uniform, qaq, h2o or scissorhands
	Profile    string  // file of the model's profile, for calibrated; "": the one that ships
	StoredBits float64 // of calibrated, aimed at; 0: the profile's
	ByteBudget int64   // of calibrated; 0: none
	FixedLevel bool    // of calibrated: levels never change
	Level      backend.Level
	Alpha      float64
	Bits       int // of uniform
	BitsMin    int // of qaq
	BitsMax    int
	Formula    policy.Formula
	KeyError   float64
	ValueError float64
	Budget     int   // tokens that h2o and scissorhands keep
	Recall     bool  // h2o and scissorhands: an evicted token may come back from the host
	Capacity   int   // tokens; 0 for what the run needs
	Reserve    int64 // bytes of device memory for pages, taken at the start
	HostBudget int64
	MaxSubmit  time.Duration // of a submission; 0: the default of package backend, negative: none
	Exact      bool          // a step waits for the adaptation that it begins

	Sampling sample.Options
	CacheDir string // folder that keeps calibrations
}

// Calibrated is the policy of caches with a profile, Auto that where the model has one
// and else qaq.
const (
	Calibrated = "calibrated"
	Auto       = "auto"
)

// Scissorhands as in the paper's experiments: ten recent tokens, and a history
// of some 500 queries, a decision every 16.
const (
	scissorhandsRecent  = 10
	scissorhandsHistory = 31
)

// policy makes the policy of the options; norms are for qaq.
func (o Options) policy(norms [][]float64) (policy.Policy, error) {
	switch o.Policy {
	case Calibrated:
		return policy.Levels{Fixed: o.FixedLevel}, nil
	case "none":
		return policy.None{}, nil
	case "uniform":
		return policy.Uniform{KeyBits: o.Bits, ValueBits: o.Bits}, nil
	case "qaq":
		return policy.QAQ{
			Formula: o.Formula, KeyError: o.KeyError, ValueError: o.ValueError,
			MinBits: o.BitsMin, MaxBits: o.BitsMax, QueryNorms: norms,
		}, nil
	case "h2o":
		return policy.H2O{Budget: o.Budget, Recall: o.Recall}, nil
	case "scissorhands":
		return policy.Scissorhands{Budget: o.Budget, Recent: max(0, min(scissorhandsRecent, o.Budget)), History: scissorhandsHistory, Recall: o.Recall}, nil
	}
	return nil, fmt.Errorf("session: policy %q: must be auto, calibrated, none, uniform, qaq, h2o or scissorhands", o.Policy)
}

// config is the cache for a model and a text of that many tokens; of is nil but for
// calibrated.
func (o Options) config(m model.Config, p policy.Policy, of *profile.Profile, tokens int) backend.Config {
	c := backend.Config{
		Layers: m.Layers, KVHeads: m.KVHeads, QueryHeads: m.QueryHeads, HeadDim: m.HeadDim, Capacity: cmp.Or(o.Capacity, tokens),
		Policy: p, MaxStepTokens: batch, Reserve: o.Reserve, HostBudget: o.HostBudget, Synchronous: o.Exact, LayerWindows: m.Windows, MaxSubmit: o.MaxSubmit,
	}
	if of != nil {
		c.Profile, c.BytesBudget = of, o.ByteBudget
		return c
	}
	c.Level, c.OutlierFraction = o.Level, o.Alpha
	return c
}

// setting says the options in words; of is the profile of calibrated.
func (o Options) setting(of *profile.Profile) string {
	if of != nil {
		s := fmt.Sprintf("profile %.12s, %.2f bits an element aimed at", of.Hash(), of.Bits())
		if o.FixedLevel {
			s += ", level fixed"
		}
		if o.ByteBudget > 0 {
			s += fmt.Sprintf(", budget of %d bytes", o.ByteBudget)
		}
		return s
	}
	s := fmt.Sprintf("level %s, outliers %g %%", o.Level, o.Alpha*100)
	switch o.Policy {
	case "uniform":
		return s + fmt.Sprintf(", %d bits", o.Bits)
	case "h2o", "scissorhands":
		s += fmt.Sprintf(", budget of %d tokens", o.Budget)
		if o.Recall {
			s += ", evicted tokens may come back"
		}
		return s
	case "qaq":
		return s + fmt.Sprintf(", formula %s, target errors K %g and V %g, bits %d to %d",
			o.Formula, o.KeyError, o.ValueError, o.BitsMin, o.BitsMax)
	}
	return "rows as they came"
}
