//go:build !glfw

package main

import "testing"

// A command without windows says how to get one, before any work.
func TestWatchNeedsABuildWithWindows(t *testing.T) {
	for _, args := range [][]string{{"watch"}, {"run", "--watch"}, {"watch", "--replay", "../../internal/recording/testdata/smollm2.qaqrec"}} {
		qaqvk(t, nil, append(args, "--device", "cpu")...).requireError(t, 1, "built without windows", "libx11-dev", "make build", "run --record FILE", "qaqvk report")
	}
	qaqvk(t, nil, "watch", "--replay", "none").requireError(t, 1, "none: no such file")
	qaqvk(t, nil, "watch", "--replay", "watch.go").requireError(t, 1, "watch.go", "no recording of qaqvk")
}
