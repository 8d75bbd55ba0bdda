package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// Read returns all rows of a layer, those of the current step included, in the
// type of k and v, which must be alike and hold at least [tokens][KV heads][D]
// elements of host memory. It returns the number of tokens.
func (s *Sequence) Read(layer int, k, v Rows) (tokens int, err error) {
	if err := s.usable(layer); err != nil {
		return 0, err
	}
	defer s.c.spanning("read", Calls)()
	tokens = s.tokens + s.pending[layer]
	if err := s.c.checkTarget(k, v, tokens); err != nil {
		return 0, fmt.Errorf("backend: read: %w", shapeError{err})
	}
	for from := 0; from < tokens; {
		r := s.newReading(layer, k.Type, from, tokens)
		if err := s.readSome(r); err != nil {
			return 0, err
		}
		r.copyOut(k, v)
		from = r.to
	}
	return tokens, nil
}

func (c *Cache) checkTarget(k, v Rows, tokens int) error {
	need := tokens * c.cfg.KVHeads * c.cfg.HeadDim
	for i, r := range []Rows{k, v} {
		elements, err := r.elements()
		if err != nil {
			return fmt.Errorf("%s: %w", shaders.Kind(i), err)
		}
		if r.View.Buffer != nil {
			return fmt.Errorf("%s: rows must be host memory", shaders.Kind(i))
		}
		if elements < need {
			return fmt.Errorf("%s: room for %d elements: %d tokens have %d", shaders.Kind(i), elements, tokens, need)
		}
	}
	if k.Type != v.Type {
		return fmt.Errorf("k is %s and v is %s: both must be alike", k.Type, v.Type)
	}
	return nil
}

// readSome brings the rows of a reading to out, in one list with the rows that
// wait for the ring.
func (s *Sequence) readSome(r *reading) error {
	err := s.c.run("read", func(l *device.List) {
		s.recordAppends(l)
		if len(r.parts) > 0 {
			r.recordDecode(l)
			l.Mark("decode")
		}
		if len(r.runs) > 0 {
			r.recordWindow(l)
			l.Mark("convert")
		}
	})
	if err == nil {
		s.appendsDone()
	}
	return err
}

// conversion is a run of rows that change place and type; a token has KVHeads
// rows, and offsets and strides are in words of the views.
type conversion struct {
	in, out          Type
	rows             int
	src, dst         device.View
	srcAt, srcStride int
	dstAt, dstStride int
	dstSlots         int // tokens go round so many places, 0: one after another
	first            int // the first one's number
	firstAt          int // it is word firstAt - 1 of src instead; 0: it is not
}

func (c *Cache) convert(l *device.List, v conversion) {
	slack := v.src.Offset % c.dev.Limits().ViewAlign // views begin at aligned words
	v.src.Offset, v.src.Words = v.src.Offset-slack, v.src.Words+slack
	push := shaders.ConvertPush{Rows: uint32(v.rows), RowsPerToken: uint32(c.cfg.KVHeads),
		SrcOffset: uint32(slack + v.srcAt), SrcTokenStride: uint32(v.srcStride),
		DstOffset: uint32(v.dstAt), DstTokenStride: uint32(v.dstStride),
		DstSlots: uint32(v.dstSlots), First: uint32(v.first)}
	if v.firstAt > 0 {
		push.First, push.FirstAt = 0, uint32(slack+v.firstAt)
	}
	dispatch(l, c.pipeline(shaders.Convert, v.in, v.out), push.Bytes(), v.rows, v.src, v.dst)
}
