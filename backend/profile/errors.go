package profile

import "errors"

var (
	// ErrFormat says that a file is damaged, cut short, or no profile.
	ErrFormat = errors.New("not a usable profile")
	// ErrVersion says that a file was written by a newer version, or by one whose profiles
	// mean something else.
	ErrVersion = errors.New("profile of an unknown version")
	// ErrModel says that a profile was made for another model.
	ErrModel = errors.New("profile of another model")
	// ErrBits says that no slope gives the bits wanted.
	ErrBits = errors.New("bits out of reach")
	// ErrShape says that a profile was made for other shapes or positions.
	ErrShape = errors.New("profile of another shape")
)
