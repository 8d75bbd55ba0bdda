package report

import "strconv"

// Run is the result of `qaqvk run`.
type Run struct {
	Device    string     `json:"device"`
	Driver    string     `json:"driver"`
	Policy    string     `json:"policy"`
	Model     string     `json:"model"`   // file name
	Setting   string     `json:"setting"` // level, outliers and the policy's parameters, readable
	Tokens    Tokens     `json:"tokens"`
	Bytes     Bytes      `json:"bytes"`
	Growth    *Growth    `json:"growth"`
	Bits      Bits       `json:"bits"`
	Histogram Histograms `json:"histogram"`
	Moves     Moves      `json:"moves"`
	NonFinite int64      `json:"non_finite"` // groups stored raw because they cannot be quantized
	// Quality is null when there was no second pass.
	Quality    *Quality `json:"quality"`
	TokensPerS Speed    `json:"tokens_per_s"`
	Seconds    Speed    `json:"seconds"`
	// Plain is the speed of the second pass, without compression.
	Plain     *Speed             `json:"plain_tokens_per_s,omitempty"`
	KernelsMs map[string]float64 `json:"kernels_ms"` // device time by kernel
}

// Tokens counts tokens of the text.
type Tokens struct {
	Prompt    int `json:"prompt"`
	Generated int `json:"generated"`
}

// Bytes are sizes of one cache at the end of the run.
type Bytes struct {
	F16       int64 `json:"f16"`       // every K and V row in f16
	Live      int64 `json:"live"`      // pages with all their metadata, and the recent window
	Committed int64 `json:"committed"` // device memory held for pages and recent window, slack included
	Slack     int64 `json:"slack"`     // the part of committed that pages were given and do not need
	Reserve   int64 `json:"reserve"`   // the part of committed that was taken for pages at the start
	Peak      int64 `json:"peak"`      // the most device memory at once: committed, scratch, and copies of pages on the way
	Scratch   int64 `json:"scratch"`   // the part of staging that is in device memory, not mapped
	Staging   int64 `json:"staging"`   // buffers for work on the way, which do not grow with the tokens
	Host      int64 `json:"host"`      // full-precision rows and bookkeeping in host memory
	Paper     int64 `json:"paper"`     // the paper's accounting: codes and outlier values, and the recent window
}

// Bits are mean bits of a stored element.
type Bits struct {
	K float64 `json:"k"`
	V float64 `json:"v"`
}

// Histograms count groups by their bits.
type Histograms struct {
	K Histogram `json:"k"`
	V Histogram `json:"v"`
}

// Histogram counts groups: index 0..8 by bits, 16 raw.
type Histogram [17]int64

// MarshalJSON gives {"0":n,...,"8":n,"16":n}.
func (h Histogram) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for b, n := range h {
		if b > 8 && b < 16 {
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

// Moves count groups whose bits changed after they were stored.
type Moves struct {
	Demoted  int64 `json:"demoted"`
	Promoted int64 `json:"promoted"`
	Missed   int64 `json:"missed"` // promotions for which the host had no rows

	BytesUp   int64 `json:"bytes_up"`   // to the device for it
	BytesDown int64 `json:"bytes_down"` // to the host
	LateSteps int64 `json:"late_steps"` // steps from decision to effect, summed over promoted groups
	LateMax   int64 `json:"late_max"`   // the most of a group
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
