package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/shaders"
)

// appended are rows on their way into the ring: they wait in rows or in a
// buffer of the caller until the next list that needs them.
type appended struct {
	layer, token, tokens int
	typ                  Type
	src                  device.View
	kinds                int          // 2: K and V of a token follow each other in src
	kind                 shaders.Kind // the first or only kind in src
}

// staged tells whether the rows wait in the upload buffer, behind their head.
func (a appended) staged() bool { return a.kinds == 2 }

// Append adds rows of n >= 1 tokens, [n][KV heads][D], to a layer. They are
// converted to the cache's type on the device. Rows given as a View are read by
// the next Read or Step and must stay as they are until then.
//
// Every layer must get the same tokens before Step, in one call or in several,
// together at most MaxAppend. The error for too many tokens is ErrCapacity, for
// rows of another shape ErrShape.
func (s *Sequence) Append(layer int, k, v Rows) error {
	if err := s.usable(layer); err != nil {
		return err
	}
	defer s.c.spanning("append", Calls)()
	n, err := s.c.checkRows(k, v)
	if err != nil {
		return fmt.Errorf("backend: append: %w", shapeError{err})
	}
	if err := s.checkRoom(layer, n); err != nil {
		return err
	}
	token := s.tokens + s.pending[layer]
	if k.View.Buffer != nil {
		s.appends = append(s.appends,
			appended{layer, token, n, k.Type, k.View, 1, shaders.Key}, appended{layer, token, n, v.Type, v.View, 1, shaders.Value})
	} else if err := s.stage(layer, token, n, k, v); err != nil {
		return err
	}
	s.pending[layer] += n
	return nil
}

// checkRows returns the tokens that k and v have.
func (c *Cache) checkRows(k, v Rows) (int, error) {
	token, n := c.cfg.KVHeads*c.cfg.HeadDim, 0
	for i, r := range []Rows{k, v} {
		elements, err := r.elements()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", shaders.Kind(i), err)
		}
		if elements == 0 || elements%token != 0 {
			return 0, fmt.Errorf("%s: %d elements: a token has %d", shaders.Kind(i), elements, token)
		}
		if err := r.checkView(); err != nil {
			return 0, fmt.Errorf("%s: %w", shaders.Kind(i), err)
		}
		if i == 1 && elements/token != n {
			return 0, fmt.Errorf("%d tokens of k and %d of v", n, elements/token)
		}
		n = elements / token
	}
	if k.Type != v.Type || (k.View.Buffer == nil) != (v.View.Buffer == nil) {
		return 0, fmt.Errorf("k is %s and v is %s, or one of them on the device: both must be alike", k.Type, v.Type)
	}
	return n, nil
}

func (s *Sequence) checkRoom(layer, n int) error {
	step, end := s.pending[layer]+n, s.tokens+s.pending[layer]+n
	switch {
	case step > s.c.cfg.MaxAppend:
		return fmt.Errorf("backend: append: %d tokens in a step: limit %d", step, s.c.cfg.MaxAppend)
	case end > s.c.cfg.Capacity:
		return fmt.Errorf("backend: append: %d tokens: capacity %d: %w", end, s.c.cfg.Capacity, ErrCapacity)
	case end-s.stored > s.c.geo.slots:
		return fmt.Errorf("backend: append: %d tokens in the recent window: limit %d, because an earlier Step failed: %w", end-s.stored, s.c.geo.slots, ErrCapacity)
	}
	return nil
}

// stagedHead are the words before rows in the upload buffer. The first says
// where in the ring they go, in rows of K or V of a token, so that a list that
// takes them there serves every token.
const stagedHead = shaders.Align

// stage copies rows of the host to the upload buffer, K and V of a token one
// after the other.
func (s *Sequence) stage(layer, token, n int, k, v Rows) error {
	words := s.c.cfg.KVHeads * s.c.cfg.HeadDim * k.Type.Bytes() / 4
	if s.c.staged+stagedHead+2*n*words > s.c.rows.Len() {
		if err := s.c.freeRows(); err != nil {
			return err
		}
	}
	dst := s.c.rows.Words()[s.c.staged:]
	dst[0] = uint32(2 * token)
	dst = dst[stagedHead:]
	for i := range n {
		from := i * s.c.cfg.KVHeads * s.c.cfg.HeadDim
		k.pack(from, dst[2*i*words:][:words])
		v.pack(from, dst[(2*i+1)*words:][:words])
	}
	src := device.View{Buffer: s.c.rows, Offset: s.c.staged, Words: stagedHead + 2*n*words}
	s.appends = append(s.appends, appended{layer, token, n, k.Type, src, 2, shaders.Key})
	s.c.staged += src.Words
	s.c.waiting++
	return nil
}

// freeRows puts the rows of all sequences that wait in the upload buffer into
// their rings, so that it is free for other use.
func (c *Cache) freeRows() error {
	for _, s := range sorted(c.sequences) {
		if c.waiting == 0 {
			break
		}
		if err := s.flushAppends(); err != nil {
			return err
		}
	}
	return nil
}

// flushAppends puts the waiting rows into the ring.
func (s *Sequence) flushAppends() error {
	if len(s.appends) == 0 {
		return nil
	}
	if err := s.c.run("append", s.recordAppends); err != nil {
		return err
	}
	s.appendsDone()
	return nil
}

// appendsDone forgets the waiting rows. The upload buffer is free once no
// sequence has rows in it.
func (s *Sequence) appendsDone() {
	for _, a := range s.appends {
		if a.src.Buffer == s.c.rows {
			s.c.waiting--
		}
	}
	s.appends = s.appends[:0]
	if s.c.waiting == 0 {
		s.c.staged = 0
	}
}

// recordAppends records the conversion of the waiting rows, visible to what
// the list does next.
func (s *Sequence) recordAppends(l *device.List) {
	if len(s.appends) == 0 {
		return
	}
	for i, a := range s.appends {
		if i > 0 {
			l.Barrier(device.Shader, device.Shader) // layers lie between each other in the ring
		}
		s.recordAppend(l, a)
	}
	l.Mark("convert")
	l.Barrier(device.Shader, device.AllCommands)
}

// recordAppend converts the tokens of a into the ring.
func (s *Sequence) recordAppend(l *device.List, a appended) {
	g := &s.c.geo
	words := s.c.cfg.KVHeads * s.c.cfg.HeadDim * a.typ.Bytes() / 4
	v := conversion{
		in: a.typ, out: s.c.cfg.Type, rows: a.kinds * a.tokens * s.c.cfg.KVHeads,
		src: a.src, srcStride: words,
		dst: device.Whole(s.ring), dstAt: int(a.kind)*g.tokenWords + a.layer*g.layerWords, dstStride: g.slotWords() / a.kinds,
		dstSlots: a.kinds * g.slots, first: a.token,
	}
	if a.staged() {
		v.srcAt, v.firstAt = stagedHead, 1
	}
	s.c.convert(l, v)
}
