package recording

import (
	"errors"
	"fmt"
)

// Format and Version begin a file. A reader refuses later versions; it ignores keys
// that it does not know.
const (
	Format  = "qaqvk recording"
	Version = 1
)

// Header says what was recorded. Numbers in tags are the keys in the file.
type Header struct {
	Format  string `cbor:"0,keyasint"`
	Version int    `cbor:"1,keyasint"`

	Model   string `cbor:"2,keyasint"` // file name
	Device  string `cbor:"3,keyasint"`
	Driver  string `cbor:"4,keyasint"`
	Policy  string `cbor:"5,keyasint"`
	Setting string `cbor:"6,keyasint"` // the policy's parameters, readable
	Levels  bool   `cbor:"7,keyasint"` // codes are levels 0..9 of the calibrated codec, not bits 0..8

	Layers int `cbor:"8,keyasint"` // layers whose bits are told apart: of the model, or 1 where groups span them
	Groups int `cbor:"9,keyasint"` // groups of a token, of a kind and layer
	Prompt int `cbor:"10,keyasint"`
	All    int `cbor:"11,keyasint"` // most tokens: the prompt's, and those to generate
	First  int `cbor:"12,keyasint"` // first tokens that are raw by rule

	Target Target `cbor:"13,keyasint"`

	// Bytes are those of a group of a kind (K, V) and layer by its code, 0..Raw.
	Bytes [2][][]float32 `cbor:"14,keyasint"`
}

// Codes of groups that are no bits or levels.
const (
	Evicted = 14 // no part in attention
	Raw     = 16 // as it came
	Codes   = 17 // numbers of codes, of which some are not used
)

// Target is what can be changed while a text grows.
type Target struct {
	_          struct{} `cbor:",toarray"`
	KeyError   float64  // of qaq; 0: there is none
	ValueError float64
	Budget     int64 // live bytes; 0: none
}

// Token is a token of the text.
type Token struct {
	_    struct{} `cbor:",toarray"`
	ID   int
	Text string // "" for control tokens, and where the character ends in a later token
}

// Run are codes of groups that changed, or of new ones: those of a kind and layer from
// group First on, Groups for each token.
type Run struct {
	_     struct{} `cbor:",toarray"`
	Kind  int      // 0: K, 1: V
	Layer int
	First int
	Codes []byte
}

// Step is what one step of the model changed, or a change of the target.
type Step struct {
	Micros     int64   `cbor:"0,keyasint"` // since the run began, without pauses
	Tokens     []Token `cbor:"1,keyasint,omitempty"`
	Stored     int     `cbor:"2,keyasint"` // tokens in pages; the later ones are in the recent window
	Runs       []Run   `cbor:"3,keyasint,omitempty"`
	Importance []byte  `cbor:"4,keyasint,omitempty"` // of the stored tokens (EncodeImportance), the mean over layers; none: as it was
	Live       int64   `cbor:"5,keyasint"`           // bytes
	Committed  int64   `cbor:"6,keyasint"`
	F16        int64   `cbor:"7,keyasint"`
	Promoted   int64   `cbor:"8,keyasint"` // groups, since the run began
	Demoted    int64   `cbor:"9,keyasint"`
	Target     *Target `cbor:"10,keyasint,omitempty"` // from this step on
	Note       string  `cbor:"11,keyasint,omitempty"` // what went wrong with a change of the target
}

// End closes a recording whose run came to its end.
type End struct {
	Prefill float64  `cbor:"0,keyasint"` // tokens/s
	Decode  float64  `cbor:"1,keyasint"`
	Top1    *float64 `cbor:"2,keyasint,omitempty"` // beside a pass without compression
	KLD     *float64 `cbor:"3,keyasint,omitempty"` // nats
}

// item is what blocks hold behind the header: one of the two.
type item struct {
	Step *Step `cbor:"0,keyasint,omitempty"`
	End  *End  `cbor:"1,keyasint,omitempty"`
}

// Errors of files that cannot be read, or not wholly.
var (
	ErrNoRecording = errors.New("no recording of qaqvk")
	ErrNewer       = errors.New("recording of a newer qaqvk")
	ErrDamaged     = errors.New("damaged recording")
	ErrTruncated   = errors.New("recording ends early")
)

// Limits of what is read.
const (
	maxLayers = 4096
	maxGroups = 1024
	maxTokens = 1 << 24
)

// check refuses headers that no recorder writes.
func (h *Header) check() error {
	switch {
	case h.Format != Format:
		return ErrNoRecording
	case h.Version > Version:
		return fmt.Errorf("version %d, this qaqvk reads up to %d: %w", h.Version, Version, ErrNewer)
	case h.Version < 1, h.Layers < 1, h.Layers > maxLayers, h.Groups < 1, h.Groups > maxGroups,
		h.Prompt < 0, h.All < 1, h.All > maxTokens, h.Prompt > h.All, h.First < 0:
		return fmt.Errorf("header: version %d, %d layers, %d groups, %d tokens: %w", h.Version, h.Layers, h.Groups, h.All, ErrDamaged)
	}
	for _, layers := range h.Bytes {
		if len(layers) != h.Layers {
			return fmt.Errorf("header: bytes of %d layers, there are %d: %w", len(layers), h.Layers, ErrDamaged)
		}
		for _, codes := range layers {
			if len(codes) != Codes {
				return fmt.Errorf("header: bytes of %d codes, there are %d: %w", len(codes), Codes, ErrDamaged)
			}
		}
	}
	return nil
}
