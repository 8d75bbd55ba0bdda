package recording

// Kinds are which of K and V are shown.
type Kinds int

// Both, K alone, V alone.
const (
	Both Kinds = iota
	Keys
	Values
)

// String is K and V, K, or V.
func (k Kinds) String() string { return [...]string{"K and V", "K", "V"}[k] }

// of tells whether a kind is shown.
func (k Kinds) of(kind int) bool { return k == Both || int(k) == kind+1 }

// Cell is what a token of a layer has, over its groups of the kinds shown.
type Cell struct {
	Mean    float64 // code of the groups that are neither raw nor evicted
	Raw     float64 // part of the groups that are raw
	Evicted float64 // part that is out of attention
}

// cells add up to a cell.
type cells struct{ sum, plain, raw, evicted int }

func (c *cells) add(codes []byte) {
	for _, code := range codes {
		switch code {
		case Raw:
			c.raw++
		case Evicted:
			c.evicted++
		default:
			c.sum += int(code)
			c.plain++
		}
	}
}

func (c *cells) cell() (out Cell) {
	if n := c.plain + c.raw + c.evicted; n > 0 {
		out.Raw, out.Evicted = float64(c.raw)/float64(n), float64(c.evicted)/float64(n)
	}
	if c.plain > 0 {
		out.Mean = float64(c.sum) / float64(c.plain)
	}
	return out
}

// Cell is that of stored tokens from..to-1 and layers first..end-1.
func (s *State) Cell(kinds Kinds, first, end, from, to int) Cell {
	var c cells
	for k := range s.Codes {
		if kinds.of(k) {
			for l := first; l < end; l++ {
				c.add(s.Codes[k][l][from*s.Groups : to*s.Groups])
			}
		}
	}
	return c.cell()
}

// TokenBytes are the bytes of the kinds of a stored token.
func (s *State) TokenBytes(kinds Kinds, token int) (bytes float64) {
	for k := range s.Codes {
		for l := range s.Codes[k] {
			if kinds.of(k) {
				for _, c := range s.Codes[k][l][token*s.Groups : (token+1)*s.Groups] {
					bytes += float64(s.Bytes[k][l][c])
				}
			}
		}
	}
	return bytes
}

// RawBytes are the bytes of the kinds of a token as it came.
func (s *State) RawBytes(kinds Kinds) (bytes float64) {
	for k := range s.Bytes {
		for l := range s.Bytes[k] {
			if kinds.of(k) {
				bytes += float64(s.Groups) * float64(s.Bytes[k][l][Raw])
			}
		}
	}
	return bytes
}

// Sink tells whether a stored token is raw in at least half of the layers: one that
// attention rests on, or one of the first, which are raw by rule.
func (s *State) Sink(token int) bool {
	return s.Levels && s.Cell(Both, 0, s.Layers, token, token+1).Raw >= 0.5
}

// Rate is how many tokens a second the last second of steps added.
func (s *State) Rate() float64 { return s.RateAt(len(s.Samples) - 1) }

// RateAt is the rate of the second that a step ends.
func (s *State) RateAt(i int) float64 {
	if i < 1 {
		return 0
	}
	j := i - 1
	for j > 0 && s.Samples[i].Micros-s.Samples[j].Micros < 1e6 {
		j--
	}
	took := s.Samples[i].Micros - s.Samples[j].Micros
	if took <= 0 {
		return 0
	}
	return float64(s.Samples[i].Tokens-s.Samples[j].Tokens) / (float64(took) / 1e6)
}

// Past is what a token had from a step on, by layer.
type Past struct {
	Tokens int // of the text then
	Cells  []Cell
}

// History is what became of a token since it was stored, step by step where it moved.
func (s *State) History(kinds Kinds, token int) (list []Past) {
	var codes [2][][]byte
	for k := range codes {
		codes[k] = make([][]byte, s.Layers)
		for l := range codes[k] {
			codes[k][l] = make([]byte, s.Groups)
		}
	}
	for i, step := range s.Steps {
		if step.Stored <= token || !step.covers(codes, token, s.Groups) {
			continue
		}
		past := Past{Tokens: s.Samples[i].Tokens}
		for l := range s.Layers {
			var c cells
			for k := range codes {
				if kinds.of(k) {
					c.add(codes[k][l])
				}
			}
			past.Cells = append(past.Cells, c.cell())
		}
		list = append(list, past)
	}
	return list
}

// covers copies what the step says of a token's groups, and tells whether it does.
func (s *Step) covers(codes [2][][]byte, token, groups int) (covered bool) {
	begin := token * groups
	for i := range s.Runs {
		r := &s.Runs[i]
		from, to := max(begin, r.First), min(begin+groups, r.First+len(r.Codes))
		if from < to {
			copy(codes[r.Kind][r.Layer][from-begin:], r.Codes[from-r.First:to-r.First])
			covered = true
		}
	}
	return covered
}
