//go:build glfw && linux && !wayland

package window

import (
	"fmt"
	"runtime"
)

// calls are for the thread of Main, which GLFW wants.
var calls = make(chan func())

// Main calls f in a goroutine of its own and returns what it returns. The goroutine of
// main calls it, from the process's first thread, which windows work on meanwhile.
func Main(f func() int) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	done := make(chan int, 1)
	go func() { done <- f() }()
	for {
		select {
		case call := <-calls:
			call()
		case status := <-done:
			return status
		}
	}
}

// onMain calls f on the thread of Main and returns its error. A panic of the binding,
// which it makes of some errors, becomes one.
func onMain(f func() error) error {
	done := make(chan error, 1)
	calls <- func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("window: %v", p)
			}
		}()
		done <- f()
	}
	return <-done
}
