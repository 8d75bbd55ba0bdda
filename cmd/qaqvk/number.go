package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// number is a numeric flag with its limits.
type number[T int | uint64 | float64] struct {
	value       *T
	least, most T
	above       bool // the least is out itself
}

// limitError says what a flag takes that was given another number.
type limitError string

func (e limitError) Error() string { return "must be " + string(e) }

// flagError makes an error of the command line one of usage, but for numbers
// outside the limits of their flags.
func flagError(_ *cobra.Command, err error) error {
	var limit limitError
	var invalid *pflag.InvalidValueError
	if errors.As(err, &limit) && errors.As(err, &invalid) {
		return fmt.Errorf("--%s %s: %w", invalid.GetFlag().Name, invalid.GetValue(), limit)
	}
	return usageError{err}
}

// addNumber declares a flag that takes least to most.
func addNumber[T int | uint64 | float64](f *pflag.FlagSet, value *T, name string, def, least, most T, usage string) {
	*value = def
	f.Var(&number[T]{value: value, least: least, most: most}, name, usage)
}

// addAbove declares a flag that takes more than 0, to most.
func addAbove(f *pflag.FlagSet, value *float64, name string, def, most float64, usage string) {
	*value = def
	f.Var(&number[float64]{value: value, most: most, above: true}, name, usage)
}

func (n *number[T]) String() string {
	if n.value == nil { // pflag asks a zero number for its default
		return ""
	}
	return fmt.Sprint(*n.value)
}

// Type is the kind of number that --help names.
func (n *number[T]) Type() string {
	if _, ok := any(n.least).(float64); ok {
		return "float"
	}
	return "int"
}

// Set takes the number if it is within the limits.
func (n *number[T]) Set(text string) error {
	v, err := parse[T](text)
	if err == nil && v >= n.least && v <= n.most && !(n.above && v == n.least) {
		*n.value = v
		return nil
	}
	if _, float := strconv.ParseFloat(text, 64); errors.Is(err, strconv.ErrSyntax) && errors.Is(float, strconv.ErrSyntax) {
		return errors.New("must be a number")
	}
	return n.limits()
}

// limits says what the flag takes.
func (n *number[T]) limits() limitError {
	verb := "%d"
	if n.Type() == "float" {
		verb = "%.12g"
	}
	if n.above {
		return limitError(fmt.Sprintf("above "+verb+", at most "+verb, n.least, n.most))
	}
	return limitError(fmt.Sprintf(verb+" to "+verb, n.least, n.most))
}

// parse reads a number; integers may be hexadecimal.
func parse[T int | uint64 | float64](text string) (v T, err error) {
	switch p := any(&v).(type) {
	case *int:
		var n int64
		n, err = strconv.ParseInt(text, 0, strconv.IntSize)
		*p = int(n)
	case *uint64:
		*p, err = strconv.ParseUint(text, 0, 64)
	case *float64:
		*p, err = strconv.ParseFloat(text, 64)
	}
	return v, err
}
