// Package recording is what a cache did while a text grew: the file that `qaqvk run
// --record` writes and `watch --replay` and `report` read (docs/recording.md), and the
// State that it adds up to, which is all that windows and pages show.
package recording
