package calibrate

import (
	"errors"
	"fmt"
)

// ErrText says that there is too little text.
var ErrText = errors.New("too little text")

// LeastWindow is the fewest tokens of a window that statistics are taken of.
const LeastWindow = 256

// Cut returns at most n windows of a length from texts, the same number of each as
// far as the texts reach, evenly spread and without overlap. begin stands before
// each.
func Cut(texts [][]int, n, length int, begin []int) ([][]int, error) {
	if length < LeastWindow {
		return nil, fmt.Errorf("calibrate: windows of %d tokens, at least %d: %w", length, LeastWindow, ErrText)
	}
	body := length - len(begin)
	var windows [][]int
	for i, count := range share(texts, n, body) {
		text := texts[i]
		for w := range count {
			at := 0
			if count > 1 {
				at = w * (len(text) - body) / (count - 1)
			}
			windows = append(windows, append(append([]int{}, begin...), text[at:at+body]...))
		}
	}
	if len(windows) == 0 {
		return nil, fmt.Errorf("calibrate: no text has the %d tokens of a window: %w", length, ErrText)
	}
	return windows, nil
}

// share deals n windows of body tokens to texts in turn, to each as many as it
// holds.
func share(texts [][]int, n, body int) []int {
	counts := make([]int, len(texts))
	for dealt := true; dealt && n > 0; {
		dealt = false
		for i, text := range texts {
			if n > 0 && (counts[i]+1)*body <= len(text) {
				counts[i]++
				n--
				dealt = true
			}
		}
	}
	return counts
}
