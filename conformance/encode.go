package conformance

import "github.com/qaqvk/qaqvk/shaders"

// slots is where encode puts the groups of a case.
type slots struct {
	base, words int // words before the first slot, words from slot to slot
	buffer      int
	of          []uint32 // after encode by the reference
}

// buildEncode encodes all pages' groups.
func buildEncode(c Case) (*program, error) {
	p := &program{}
	_, err := c.addEncode(p, c.rowsOf())
	return p, err
}

// addEncode adds the encoding of rows to a program.
func (c Case) addEncode(p *program, rows source) (slots, error) {
	params, l := c.Params, c.Params.layout()
	wants, err := c.wants()
	if err != nil {
		return slots{}, err
	}
	n := params.total()
	s := slots{base: oddMultiple(n), words: oddMultiple(l.SlotWords())}
	push := shaders.EncodePush{
		Groups: uint32(n), GroupsPerJob: uint32(params.Groups), GroupsPerToken: uint32(params.GroupsPerToken),
		TokenStride: uint32(rows.stride),
		SlotBase:    uint32(s.base), SlotWords: uint32(s.words),
	}
	if r, ok := rules[params.Bits]; ok {
		push.Rule, push.MinBits, push.MaxBits, push.Delta = 1, r.min, r.max, r.delta
	}
	in, planned := p.input("rows", rows.words), p.input("plan", c.rulePlan(rows.first))
	s.buffer = p.result("slots", s.base+n*s.words)
	p.run(shaders.Encode, params.spec(shaders.Encode, 0), push.Bytes(),
		params.workgroups(n, params.Lanes), in, planned, s.buffer, p.input("want", wants))
	return s, nil
}

// slotsByReference encodes rows with cpuref.
func (c Case) slotsByReference(rows source) (slots, error) {
	p := &program{}
	s, err := c.addEncode(p, rows)
	if err != nil {
		return s, err
	}
	words, err := p.reference()
	if err == nil {
		s.of = words[s.buffer]
	}
	return s, err
}
