package recording

import (
	"bytes"
	"fmt"
)

// State is what a window shows of a run: the header and the steps so far, added up. It
// depends on nothing else, so a file shows what the run showed.
type State struct {
	*Header
	Target     Target
	Tokens     []Token
	Stored     int         // tokens in pages
	Codes      [2][][]byte // [kind][layer], Groups for each stored token
	Importance []byte      // of the stored tokens when it was last read: perhaps fewer
	Moves      [][]Move    // [layer][stored token]: the last one of its groups
	Histogram  [2][Codes]int64
	Samples    []Sample
	Steps      []*Step
	Note       string // the last one
}

// Move is a promotion or demotion that landed.
type Move struct {
	Step int32 // its number, from 1 on; 0: there was none
	Up   bool
}

// Sample is what a step ended with.
type Sample struct {
	Micros               int64
	Tokens               int
	Live, Committed, F16 int64
	Promoted, Demoted    int64 // groups, in this step
}

// NewState is that before the first step.
func NewState(h *Header) *State {
	s := &State{Header: h, Target: h.Target, Moves: make([][]Move, h.Layers)}
	for k := range s.Codes {
		s.Codes[k] = make([][]byte, h.Layers)
	}
	return s
}

// unset marks the groups that a step has stored and given no code yet.
const unset = 0xff

// Apply adds a step. One that no recorder writes is refused, and the state is of no
// use then.
func (s *State) Apply(step *Step) error {
	before := len(s.Tokens)
	s.Tokens = append(s.Tokens, step.Tokens...)
	last := Sample{}
	if n := len(s.Samples); n > 0 {
		last = s.Samples[n-1]
	}
	switch {
	case len(s.Tokens) > s.All:
		return fmt.Errorf("%d tokens, the header allows %d", len(s.Tokens), s.All)
	case step.Stored < s.Stored || step.Stored > len(s.Tokens):
		return fmt.Errorf("%d of %d tokens stored, %d were", step.Stored, len(s.Tokens), s.Stored)
	case step.Micros < last.Micros || min(step.Live, step.Committed, step.F16, step.Promoted, step.Demoted) < 0:
		return fmt.Errorf("time or bytes run backwards behind token %d", before)
	}
	old := s.Stored
	s.grow(step.Stored)
	for i := range step.Runs {
		if err := s.applyRun(&step.Runs[i], old, int32(len(s.Steps)+1)); err != nil {
			return err
		}
	}
	if err := s.allSet(old); err != nil {
		return err
	}
	if step.Importance != nil {
		if len(step.Importance) > step.Stored {
			return fmt.Errorf("importance of %d tokens, %d are stored", len(step.Importance), step.Stored)
		}
		s.Importance = step.Importance
	}
	if step.Target != nil {
		s.Target = *step.Target
	}
	if step.Note != "" || step.Target != nil {
		s.Note = step.Note
	}
	up, down := s.moved()
	s.Samples = append(s.Samples, Sample{step.Micros, len(s.Tokens), step.Live, step.Committed, step.F16, step.Promoted - up, step.Demoted - down})
	s.Steps = append(s.Steps, step)
	return nil
}

// moved are the groups that moved before the step that is applied.
func (s *State) moved() (promoted, demoted int64) {
	if n := len(s.Steps); n > 0 {
		return s.Steps[n-1].Promoted, s.Steps[n-1].Demoted
	}
	return 0, 0
}

// grow makes room for stored tokens.
func (s *State) grow(stored int) {
	n := stored - s.Stored
	for k := range s.Codes {
		for l := range s.Codes[k] {
			s.Codes[k][l] = append(s.Codes[k][l], bytes.Repeat([]byte{unset}, n*s.Groups)...)
		}
	}
	for l := range s.Moves {
		s.Moves[l] = append(s.Moves[l], make([]Move, n)...)
	}
	s.Stored = stored
}

// applyRun sets codes; those of tokens before old moved.
func (s *State) applyRun(r *Run, old int, number int32) error {
	if r.Kind < 0 || r.Kind > 1 || r.Layer < 0 || r.Layer >= s.Layers || r.First < 0 || len(r.Codes) > s.Stored*s.Groups-r.First {
		return fmt.Errorf("codes of kind %d, layer %d, groups %d to %d: there are none", r.Kind, r.Layer, r.First, r.First+len(r.Codes))
	}
	at, h := s.Codes[r.Kind][r.Layer][r.First:], &s.Histogram[r.Kind]
	for i, c := range r.Codes {
		was := at[i]
		if c >= Codes {
			return fmt.Errorf("code %d of a group: there is none", c)
		}
		if c == was {
			continue
		}
		if was != unset {
			h[was]--
		}
		h[c]++
		at[i] = c
		if token := (r.First + i) / s.Groups; token < old {
			s.Moves[r.Layer][token] = Move{number, more(was, c)}
		}
	}
	return nil
}

// more tells whether a group at code c holds more than at code was.
func more(was, c byte) bool { return was == Evicted || c != Evicted && c > was }

// allSet refuses stored groups without a code.
func (s *State) allSet(old int) error {
	for k := range s.Codes {
		for l, codes := range s.Codes[k] {
			if i := bytes.IndexByte(codes[old*s.Groups:], unset); i >= 0 {
				return fmt.Errorf("no code for kind %d, layer %d, token %d", k, l, old+i/s.Groups)
			}
		}
	}
	return nil
}
