package report

import (
	"fmt"
	"strconv"

	"github.com/qaqvk/qaqvk/backend"
)

// Run is the result of `qaqvk run`.
type Run struct {
	Device    string        `json:"device"`
	Driver    string        `json:"driver"`
	Policy    string        `json:"policy"`
	Model     string        `json:"model"`   // file name
	Setting   string        `json:"setting"` // level, outliers and the policy's parameters, readable
	Prompt    Prompt        `json:"prompt"`
	Tokens    Tokens        `json:"tokens"`
	Bytes     backend.Bytes `json:"bytes"`
	Growth    *Growth       `json:"growth"`
	Bits      Bits          `json:"bits"`
	Histogram Histograms    `json:"histogram"`
	Moves     backend.Moves `json:"moves"`
	NonFinite int64         `json:"non_finite"` // groups stored raw because they cannot be quantized
	Evicted   Groups        `json:"evicted"`    // groups that take no part in attention any more
	Unmet     Groups        `json:"unmet"`      // groups whose bound asks for more than the most bits
	Clamped   int64         `json:"clamped"`    // elements beyond the largest value of the cache's type, which took its place
	// Quality is null when there was no second pass.
	Quality    *Quality `json:"quality"`
	TokensPerS Speed    `json:"tokens_per_s"`
	Seconds    Speed    `json:"seconds"`
	// Plain is the speed of the second pass, without compression.
	Plain     *Speed             `json:"plain_tokens_per_s,omitempty"`
	KernelsMs map[string]float64 `json:"kernels_ms"` // device time by kernel
}

// Prompt says what became of the prompt's text.
type Prompt struct {
	Template string `json:"template"` // chat format of the file's template that frames it, "" where the bare text was the prompt
	Bare     string `json:"bare"`     // why the bare text was the prompt, "" where it is framed
	LeftOut  int    `json:"left_out"` // bytes for which the vocabulary has no token
}

// String says it in words.
func (p Prompt) String() string {
	s := "framed as " + p.Template + " by the file's chat template"
	if p.Template == "" {
		s = "the bare text: " + p.Bare
	}
	if p.LeftOut > 0 {
		s += fmt.Sprintf("; %d bytes left out that the vocabulary has no token for", p.LeftOut)
	}
	return s
}

// Tokens counts tokens of the text.
type Tokens struct {
	Prompt    int `json:"prompt"`
	Generated int `json:"generated"`
}

// Bits are mean bits of a stored element.
type Bits struct {
	K float64 `json:"k"`
	V float64 `json:"v"`
}

// Groups count groups of K and of V.
type Groups struct {
	K int64 `json:"k"`
	V int64 `json:"v"`
}

// of says that so many of the groups of each kind are something.
func (g Groups) of(h Histograms, what string) string {
	return fmt.Sprintf("%d of %d groups of K and %d of %d of V %s", g.K, h.K.total(), g.V, h.V.total(), what)
}

// Histograms count groups by their bits.
type Histograms struct {
	K Histogram `json:"k"`
	V Histogram `json:"v"`
}

// Histogram counts groups: index 0..8 by bits, or tokens, 0..9 by levels; 16 raw. Those
// evicted at 14 are not written, nor is a level 9 that nothing has.
type Histogram [17]int64

func (h Histogram) total() (n int64) {
	for _, groups := range h {
		n += groups
	}
	return n
}

// MarshalJSON gives {"0":n,...,"8":n,"16":n}.
func (h Histogram) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for b, n := range h {
		if b > 9 && b < 16 || b == 9 && n == 0 {
			continue
		}
		if b > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendQuote(out, strconv.Itoa(b))
		out = strconv.AppendInt(append(out, ':'), n, 10)
	}
	return append(out, '}'), nil
}

// Quality compares next-token distributions with those of a pass without
// compression over the same tokens.
type Quality struct {
	Top1      float64 `json:"top1"`      // part of the positions with the same most likely token
	KLD       float64 `json:"kld"`       // mean of KL(plain || compressed), nats
	Positions int     `json:"positions"` // generated positions compared
}

// Speed has a figure for each phase.
type Speed struct {
	Prefill float64 `json:"prefill"`
	Decode  float64 `json:"decode"`
}
