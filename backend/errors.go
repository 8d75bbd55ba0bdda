package backend

import (
	"errors"

	"github.com/qaqvk/qaqvk/backend/policy"
)

// The errors of this package wrap one of these, the error of a context, or, where
// the device failed, one of package vk. A call that fails has changed nothing that
// later calls show, and may be repeated, but for what its documentation says; after
// vk.ErrDeviceLost a cache can only be closed.
var (
	// ErrConfig says that a Config, an option or the name of a value is none.
	ErrConfig = policy.ErrConfig
	// ErrCapacity says that a sequence cannot hold more tokens, or a step; with
	// ErrDeferred, that it can once Step has done what it left.
	ErrCapacity = errors.New("cache full")
	// ErrDeferred says that the step's tokens are part of the cache, and that what
	// was left to do, storing or adapting, is done by a later Step. A runtime goes
	// on; or it calls Step again at once, without new tokens, after which all is
	// as if the first had not failed.
	ErrDeferred = errors.New("the step's tokens are in, a later Step does what was left")
	// ErrSequences says that the cache cannot hold more sequences.
	ErrSequences = errors.New("too many sequences")
	// ErrUnknownSequence says that a sequence was dropped.
	ErrUnknownSequence = errors.New("unknown sequence")
	// ErrUnfinishedStep says that tokens were appended and Step was not called, or
	// that it was called before every layer had them.
	ErrUnfinishedStep = errors.New("step not finished")
	// ErrRollback says that rows which a rollback needs are nowhere.
	ErrRollback = errors.New("rows are gone")
	// ErrShape says that rows or probabilities have another shape than those of
	// the cache, or lie where its device cannot read them.
	ErrShape = errors.New("rows of another shape")
	// ErrRange says that there is no such layer, or that there are not so many
	// tokens.
	ErrRange = errors.New("out of range")
	// ErrQueries says that there are more queries than tokens, too many or none.
	ErrQueries = errors.New("too many queries")
	// ErrHostBudget says that groups need rows which the host does not keep,
	// because HostBudget is reached: they cannot get the bits that were chosen.
	ErrHostBudget = errors.New("host budget reached")
	// ErrBudget says that live bytes pass Config.BytesBudget with every token at the
	// least level.
	ErrBudget = errors.New("budget of live bytes reached")
	// ErrRecorded says that attention is recorded in a command buffer and its Recording
	// not ended (NewRecording), or that it was ended, or is another cache's.
	ErrRecorded = errors.New("attention is recorded and not finished")
	// ErrHostRows says that rows of host memory cannot be recorded.
	ErrHostRows = errors.New("rows of host memory cannot be recorded")
	// ErrClosed says that the cache was closed.
	ErrClosed = errors.New("cache closed")
)

// typed is an error that says what it is itself: its type is a sentinel.
type typed struct {
	error
	is error
}

func (e typed) Is(target error) bool { return target == e.is }
func (e typed) Unwrap() error        { return e.error }
