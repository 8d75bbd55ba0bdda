package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/internal/view"
	"github.com/qaqvk/qaqvk/internal/window"
)

// Size of a window when it opens.
const windowWidth, windowHeight = 1280, 800

func newWatch() *cobra.Command {
	f := &runFlags{watch: true}
	c := f.command("watch", "Generate text and show in a window what its cache does, or show a recording")
	var replay string
	c.Flags().StringVar(&replay, "replay", "", "show what run --record wrote to this file; no model is needed")
	generate := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if replay == "" {
			return generate(c, args)
		}
		return showRecording(c, &f.device, replay)
	}
	return c
}

// openWindow opens a window that the device of the flags presents, if it can.
func openWindow(f *deviceFlags) (*window.Window, error) {
	name := strings.TrimPrefix(f.name, "both:")
	if name == "cpu" { // the reference presents nothing
		name = ""
	}
	return window.Open(window.Options{Title: "qaqvk", Width: windowWidth, Height: windowHeight, Device: name, Validation: f.validation})
}

// showRecording shows a recording until its window is closed.
func showRecording(c *cobra.Command, f *deviceFlags, path string) error {
	r, note, err := loadRecording(path)
	if err != nil {
		return err
	}
	if note != "" {
		fmt.Fprintln(c.ErrOrStderr(), note)
	}
	w, err := openWindow(f)
	if err != nil {
		return err
	}
	err = w.Show(c.Context(), view.New(view.NewReplay(r, time.Now)))
	if closed := w.Close(); err == nil {
		err = closed
	}
	return err
}

// watching is a window that shows a run.
type watching struct {
	window *window.Window
	live   *view.Live
	stop   context.CancelFunc
	shown  chan error // what Show returned
}

// watch opens a window and shows what its live gets.
func watch(ctx context.Context, f *deviceFlags) (*watching, error) {
	open, err := openWindow(f)
	if err != nil {
		return nil, err
	}
	w := &watching{window: open, live: view.NewLive(open.Wake), shown: make(chan error, 1)}
	ctx, w.stop = context.WithCancel(ctx)
	go func() {
		err := open.Show(ctx, view.New(w.live))
		w.live.Close() // the run goes on
		w.shown <- err
	}()
	return w, nil
}

// close waits until the user closes the window of a run that is over; one that failed
// closes it. A window system that went away is told of and costs the run nothing.
func (w *watching) close(failed error, p *progress) error {
	if failed != nil {
		w.stop()
	}
	w.live.Over("finished")
	err := <-w.shown
	w.stop()
	if closed := w.window.Close(); err == nil {
		err = closed
	}
	if errors.Is(err, window.ErrLost) {
		p.note("%s; the run was not touched", oneLine(err))
		err = nil
	}
	if failed != nil {
		return failed
	}
	return err
}
