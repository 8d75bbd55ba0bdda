package backend

import (
	"fmt"
	"time"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/names"
	"github.com/qaqvk/qaqvk/shaders"
)

// Type is the element type of rows.
type Type uint8

// Element types. The zero value is F16.
const (
	F16 Type = iota
	BF16
	F32
)

var typeNames = [...]string{"f16", "bf16", "f32"}

// ParseType returns the type of a name: f16, bf16 or f32. The error wraps ErrConfig.
func ParseType(name string) (Type, error) {
	i, err := names.Parse("backend: type", name, typeNames[:])
	return Type(i), configError(err)
}

// configError is an error of a name as one that wraps ErrConfig.
func configError(err error) error {
	if err == nil {
		return nil
	}
	return typed{err, ErrConfig}
}

// String is f16, bf16 or f32.
func (t Type) String() string { return names.Of("type", int(t), typeNames[:]) }

// Bytes are the bytes of an element: 2 or 4.
func (t Type) Bytes() int { return shaders.ElementBytes(t.shader()) }

// shader is the value of the kernels' TYPE and OUT_TYPE.
func (t Type) shader() uint32 {
	switch t {
	case F32:
		return shaders.TypeF32
	case BF16:
		return shaders.TypeBF16
	}
	return shaders.TypeF16
}

// Level says which rows of a token share a range and a bit width.
type Level uint8

// Levels of a group. The zero value is LevelHead.
const (
	LevelHead  Level = iota // one row: a token, layer and KV head
	LevelLayer              // the KV heads of a token in a layer
	LevelToken              // the KV heads of a token in all layers
)

var levelNames = [...]string{"head", "layer", "token"}

// ParseLevel returns the level of a name: head, layer or token. The error wraps
// ErrConfig.
func ParseLevel(name string) (Level, error) {
	i, err := names.Parse("backend: level", name, levelNames[:])
	return Level(i), configError(err)
}

// String is head, layer or token.
func (l Level) String() string { return names.Of("level", int(l), levelNames[:]) }

// Config describes a cache. Zero values of the fields that name a default get
// it.
type Config struct {
	Layers     int // layers of the model, 1..4096
	KVHeads    int // KV heads of a layer, 1..1024
	QueryHeads int // query heads of a layer, a multiple of KVHeads, up to 32 a KV head; 0: Attend is not used
	HeadDim    int // D, elements of a row: a multiple of 8 from 32 to 256
	Capacity   int // most tokens of a sequence

	Sequences int // most sequences at once, up to 65,536; default 1

	Type            Type          // element type of the cache; default F16, whose largest value is 65,504 (Append says what becomes of larger ones)
	Level           Level         // default LevelHead
	OutlierFraction float64       // part of a group kept as outliers, 0..0.1; half at each end
	Policy          policy.Policy // default None; with a Profile policy.Levels

	// Profile selects the calibrated codec: the tables of the model (qaqvk calibrate),
	// which give each token of a layer a level. Groups are then tokens (Level and
	// OutlierFraction are not set), QueryHeads must be, and Recent and PageTokens have
	// the profile's numbers for defaults. nil: the paper's codec, ranges and outliers.
	Profile *profile.Profile

	// BytesBudget bounds the live bytes of a cache with a profile (Stats.Bytes.Live):
	// where they would pass it, the levels of all tokens are lowered, and raised again
	// when tokens go. What even the least levels do not keep is an error of Step that
	// wraps ErrBudget. 0: no bound.
	BytesBudget int64

	Recent        int  // newest tokens kept as they came; default 5
	Queries       int  // n: newest queries whose attention importance looks at, a byte each a token and KV head; default 5
	PageTokens    int  // tokens of a page; default 16
	MaxStepTokens int  // most tokens of a step; default 32
	Synchronous   bool // Step waits for the adaptation that it begins, so that no group is used with fewer bits than its bound asked for
	AdaptEvery    int  // steps between rounds of adaptation, each of which goes on over as many steps as it has batches (Step); default 16; with a Profile tokens in place of steps, default 32; negative: only when Adapt is called

	// LayerWindows are, by layer, the tokens that a query sees at most, its own
	// included; 0: all. Pages behind the window of all queries to come are freed,
	// and the host's rows of their tokens, as far as a rollback within the ring leaves
	// them there. nil: 0 for all.
	LayerWindows []int

	// MaxSubmit is how long a submission of Attend, of storing pages and of adapting
	// may run on the device, as its work was timed so far, as far as a query of a KV
	// head or a page of each kind allows: longer ones are split, which changes no bits.
	// Default 100 ms, negative: however long it takes.
	MaxSubmit time.Duration

	// Reserve is bytes of device memory that New takes for pages: while they have room
	// there, storing and adapting take none and need no second copies (PageBytes tells how
	// much), and no more than all sequences can fill; 0: memory follows the tokens. The
	// recent windows lie beside it: with a HostBudget they have room for a prompt in steps
	// of whole pages and for steps of one token, and grow where a step needs more.
	Reserve int64

	HostBudget int64 // bytes of host memory for full-precision rows, which promotions need; 0: none

	// Scratch is bytes of device memory for what calls work out: scores of attention, codes
	// before they are packed. With more of it a call of many queries, or a step that
	// stores many pages, is fewer and larger dispatches; bits do not change. What is
	// needed at least is taken anyway: that of a query of all KV heads, about 5 % of the
	// rows of one layer. Beside a Reserve it is of as many KV heads, one or more, as a 64th
	// of the Reserve has room for: calls also borrow room of the Reserve that no page
	// has yet, so that only texts that nearly fill it are attended head by head. What calls of
	// many queries use well, 1 MiB or 0.5 % of the rows of a full sequence, is taken
	// as far as half of the Reserve does not have it. Where the device is the host's processor
	// the buffer by which rows come to the host serves as scratch meanwhile.
	Scratch int64

	reserveSegments int // of tests: segments of the reserve; 0: as few as possible

	Trace func(Span) // told of each span when it has ended, from the callers' goroutines and those of adaptations; nil: nobody
}

// Limits of Config that have no other source.
const (
	maxLayers          = 4096
	maxHeads           = 1024
	MaxOutlierFraction = 0.1
	maxPerHead         = 32
	maxCapacity        = 1 << 24
	maxRecent          = 1024
	maxQueries         = 1024
	maxPageTokens      = 256
	maxStepTokens      = 4096
	maxSequences       = 1 << 16
	maxScratch         = 1 << 32 // bytes
)

// defaultMaxSubmit is far below the seconds after which drivers and systems take a
// device to hang.
const defaultMaxSubmit = 100 * time.Millisecond

func (c Config) withDefaults() Config {
	setDefault(&c.Sequences, 1)
	if c.Profile != nil {
		setDefault(&c.AdaptEvery, 32)
		setDefault(&c.Recent, c.Profile.Importance.Recent)
		setDefault(&c.PageTokens, c.Profile.PageTokens)
		if c.Policy == nil {
			c.Policy = policy.Levels{}
		}
	}
	setDefault(&c.AdaptEvery, 16)
	setDefault(&c.Recent, 5)
	setDefault(&c.Queries, 5)
	setDefault(&c.PageTokens, 16)
	setDefault(&c.MaxStepTokens, 32)
	if c.MaxSubmit == 0 {
		c.MaxSubmit = defaultMaxSubmit
	}
	if c.Policy == nil {
		c.Policy = policy.None{}
	}
	return c
}

func setDefault(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

// geometry are the sizes that follow from the configuration.
func (c Config) geometry() (*core.Geometry, error) {
	outliers := c.OutlierFraction
	if c.Policy == (policy.None{}) {
		outliers = 0 // every element is stored as it is: outliers would only take room
	}
	g, err := core.NewGeometry(core.Shape{Layers: c.Layers, KVHeads: c.KVHeads, QueryHeads: c.QueryHeads, HeadDim: c.HeadDim,
		Capacity: c.Capacity, Recent: c.Recent, Queries: c.Queries, MaxStepTokens: c.MaxStepTokens, PageTokens: c.PageTokens,
		Type: c.Type.shader(), OutlierFraction: outliers, GroupHeads: c.Level == LevelLayer || c.Profile != nil, GroupLayers: c.Level == LevelToken,
		Calibrated: c.Profile != nil},
		device.MinimumLimits.ViewAlign)
	if err != nil {
		return nil, fmt.Errorf("backend: level %s: %w: %w", c.Level, err, ErrConfig)
	}
	return g, nil
}

// layerWindow is the window of a layer, 0: none.
func (c Config) layerWindow(layer int) int {
	if c.LayerWindows == nil {
		return 0
	}
	return c.LayerWindows[layer]
}
