// Command qaqvk runs a language model from a KV cache that lies quantized on a
// Vulkan device, and proves that the device returns the reference's bits.
//
// Results go to standard output, progress to standard error. The exit status
// is 1 on an error, told in one line, and 2 on wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/internal/window"
)

func main() { os.Exit(window.Main(run)) }

// run runs the command of the process and returns its exit status.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	status := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	return status
}

// execute runs the command line and returns the exit status.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted") // whatever broke off because of it
	}
	fmt.Fprintln(stderr, "qaqvk: "+oneLine(err))
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// oneLine is the error's text without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "qaqvk",
		Short:         "A quantized KV cache on any Vulkan device, bit for bit with its CPU reference",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; qaqvk --help lists the commands", args[0])}
			}
			return usageError{errors.New("no command given; qaqvk --help lists the commands")}
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newDevices(), newRun(), newConformance(), newReference(), newBench(), newPage(), newEval(), newCompile(), newCalibrate(), newTune(), newReport(), newWatch())
	return root
}

// noArgs makes a stray argument a usage error.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", args[0])}
	}
	return nil
}

// someArgs wants at least one argument.
func someArgs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New("no file given")}
	}
	return nil
}
