package session

import (
	"bytes"
	"strings"
	"time"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// look says what changed since the last look. The cache holds the given tokens.
func (w *watched) look(all []int) (*recording.Step, error) {
	if err := w.text.Inspect(&w.now); err != nil {
		return nil, err
	}
	stats := w.text.Stats()
	s := &recording.Step{Stored: w.now.Stored, Live: stats.Bytes.Live, Committed: stats.Bytes.Committed, F16: stats.Bytes.F16,
		Promoted: stats.Moves.Promoted, Demoted: stats.Moves.Demoted}
	for _, id := range all[w.tokens:w.now.Tokens] {
		s.Tokens = append(s.Tokens, recording.Token{ID: id, Text: strings.ToValidUTF8(w.stream.Next(id), "\uFFFD")})
	}
	for k := range w.now.Bits {
		for l, bits := range w.now.Bits[k] {
			s.Runs = appendRuns(s.Runs, k, l, w.was.Bits[k][l], bits)
		}
	}
	w.tokens = w.now.Tokens
	if w.steps++; w.steps%importanceEvery == 1 {
		var err error
		if s.Importance, err = w.importance(); err != nil {
			return nil, err
		}
	}
	w.was, w.now = w.now, w.was
	s.Micros = (time.Since(w.began) - w.paused[0] - w.paused[1]).Microseconds()
	return s, nil
}

// importance is that of the stored tokens, a byte each: the mean over layers.
func (w *watched) importance() ([]byte, error) {
	layers, err := w.text.Importance()
	if err != nil || layers == nil {
		return nil, err
	}
	out := make([]byte, len(layers[0]))
	for t := range out {
		sum, n := 0.0, 0
		for _, tokens := range layers {
			if x := float64(tokens[t]); x >= 0 {
				sum += x
				n++
			}
		}
		out[t] = recording.EncodeImportance(sum / float64(max(1, n)))
	}
	return out, nil
}

// gap are the groups between two that changed which go along with them: a run of its
// own takes more.
const gap = 6

// appendRuns appends the runs of groups whose code is another than it was, and of those
// that are new.
func appendRuns(runs []recording.Run, kind, layer int, was, now []byte) []recording.Run {
	i := 0
	if bytes.Equal(was, now[:len(was)]) { // as in most steps
		i = len(was)
	}
	for ; i < len(now); i++ {
		if i < len(was) && was[i] == now[i] {
			continue
		}
		end := i + 1
		for j := end; j < len(now) && j <= end+gap; j++ {
			if j >= len(was) || was[j] != now[j] {
				end = j + 1
			}
		}
		runs = append(runs, recording.Run{Kind: kind, Layer: layer, First: i, Codes: append([]byte(nil), now[i:end]...)})
		i = end
	}
	return runs
}
