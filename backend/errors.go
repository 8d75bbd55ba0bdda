package backend

import (
	"errors"

	"github.com/qaqvk/qaqvk/backend/policy"
)

var (
	// ErrConfig is wrapped by the errors of New that a Config causes.
	ErrConfig = policy.ErrConfig
	// ErrCapacity says that a sequence cannot hold more tokens.
	ErrCapacity = errors.New("cache full")
	// ErrSequences says that the cache cannot hold more sequences.
	ErrSequences = errors.New("too many sequences")
	// ErrUnknownSequence says that a sequence was dropped.
	ErrUnknownSequence = errors.New("unknown sequence")
	// ErrUnfinishedStep says that tokens were appended and Step was not called.
	ErrUnfinishedStep = errors.New("step not finished")
	// ErrRollback says that rows which a rollback needs are nowhere.
	ErrRollback = errors.New("rows are gone")
	// ErrShape says that rows have another shape than those of the cache.
	ErrShape = errors.New("rows of another shape")
	// ErrQueries says that there are more queries than tokens, or too many.
	ErrQueries = errors.New("too many queries")
	// ErrHostBudget says that groups need rows which the host does not keep,
	// because HostBudget is reached: they cannot get the bits that were chosen.
	ErrHostBudget = errors.New("host budget reached")
	// ErrClosed says that the cache was closed.
	ErrClosed = errors.New("cache closed")
)

// shapeError is an ErrShape that says which.
type shapeError struct{ error }

func (e shapeError) Is(target error) bool { return target == ErrShape }
func (e shapeError) Unwrap() error        { return e.error }
