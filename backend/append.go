package backend

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// appended are rows on their way into the ring: they wait in rows or in a
// buffer of the caller until the next list that needs them.
type appended struct {
	layer, token, tokens int
	typ                  Type
	src                  View
	kinds                int  // 2: K and V of a token follow each other in src
	kind                 Kind // the first or only kind in src
}

// Append adds rows of n >= 1 tokens, [n][KV heads][D], to a layer. They are
// converted to the cache's type on the device. Rows given as a View are read by
// the next Read or Step and must stay as they are until then.
//
// Every layer must get the same tokens before Step, in one call or in several,
// together at most MaxAppend. The error for too many tokens is ErrCapacity.
func (c *Cache) Append(layer int, k, v Rows) error {
	if err := c.usable(layer); err != nil {
		return err
	}
	n, err := c.checkRows(k, v)
	if err != nil {
		return fmt.Errorf("backend: append: %w", err)
	}
	if err := c.checkRoom(layer, n); err != nil {
		return err
	}
	token := c.tokens + c.pending[layer]
	if k.View.Buffer != nil {
		c.appends = append(c.appends,
			appended{layer, token, n, k.Type, k.View, 1, Key}, appended{layer, token, n, v.Type, v.View, 1, Value})
	} else if err := c.stage(layer, token, n, k, v); err != nil {
		return err
	}
	c.pending[layer] += n
	return nil
}

// checkRows returns the tokens that k and v have.
func (c *Cache) checkRows(k, v Rows) (int, error) {
	token, n := c.cfg.KVHeads*c.cfg.HeadDim, 0
	for i, r := range []Rows{k, v} {
		elements, err := r.elements()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", Kind(i), err)
		}
		if elements == 0 || elements%token != 0 {
			return 0, fmt.Errorf("%s: %d elements: a token has %d", Kind(i), elements, token)
		}
		if r.View.Buffer != nil {
			if err := r.View.check(); err != nil {
				return 0, fmt.Errorf("%s: %w", Kind(i), err)
			}
			if r.View.Offset%shaders.Align != 0 {
				return 0, fmt.Errorf("%s: rows from word %d: must be a multiple of %d", Kind(i), r.View.Offset, shaders.Align)
			}
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

func (c *Cache) checkRoom(layer, n int) error {
	step, end := c.pending[layer]+n, c.tokens+c.pending[layer]+n
	switch {
	case step > c.cfg.MaxAppend:
		return fmt.Errorf("backend: append: %d tokens in a step: limit %d", step, c.cfg.MaxAppend)
	case end > c.cfg.Capacity:
		return fmt.Errorf("backend: append: %d tokens: capacity %d: %w", end, c.cfg.Capacity, ErrCapacity)
	case end-c.stored > c.geo.slots:
		return fmt.Errorf("backend: append: %d tokens in the recent window: limit %d, because an earlier Step failed: %w", end-c.stored, c.geo.slots, ErrCapacity)
	}
	return nil
}

// stage copies rows of the host to the upload buffer, K and V of a token one
// after the other.
func (c *Cache) stage(layer, token, n int, k, v Rows) error {
	words := c.cfg.KVHeads * c.cfg.HeadDim * k.Type.Bytes() / 4
	if c.staged+2*n*words > c.rows.Len() {
		if err := c.flushAppends(); err != nil {
			return err
		}
	}
	dst := c.rows.Words()[c.staged:]
	for i := range n {
		from := i * c.cfg.KVHeads * c.cfg.HeadDim
		k.pack(from, dst[2*i*words:][:words])
		v.pack(from, dst[(2*i+1)*words:][:words])
	}
	src := View{Buffer: c.rows, Offset: c.staged, Words: 2 * n * words}
	c.appends = append(c.appends, appended{layer, token, n, k.Type, src, 2, Key})
	c.staged += 2 * n * words
	return nil
}

// flushAppends puts the waiting rows into the ring.
func (c *Cache) flushAppends() error {
	if len(c.appends) == 0 {
		return nil
	}
	if err := c.run("append", c.recordAppends); err != nil {
		return err
	}
	c.appendsDone()
	return nil
}

func (c *Cache) appendsDone() { c.appends, c.staged = c.appends[:0], 0 }

// recordAppends records the conversion of the waiting rows, visible to what
// the list does next.
func (c *Cache) recordAppends(l *List) {
	if len(c.appends) == 0 {
		return
	}
	for i, a := range c.appends {
		if i > 0 {
			l.Barrier(Shader, Shader) // layers lie between each other in the ring
		}
		first := min(a.tokens, c.geo.slots-a.token%c.geo.slots)
		c.recordAppend(l, a, 0, first)
		if first < a.tokens {
			l.Barrier(Shader, Shader)
			c.recordAppend(l, a, first, a.tokens-first)
		}
	}
	l.Mark("convert")
	l.Barrier(Shader, AllCommands)
}

// recordAppend converts some tokens of a that lie side by side in the ring.
func (c *Cache) recordAppend(l *List, a appended, from, tokens int) {
	words := c.cfg.KVHeads * c.cfg.HeadDim * a.typ.Bytes() / 4
	stride := c.geo.slotWords() / a.kinds
	c.convert(l, conversion{
		in: a.typ, out: c.cfg.Type, rows: a.kinds * tokens * c.cfg.KVHeads,
		src: a.src, srcAt: from * a.kinds * words, srcStride: words,
		dst: Whole(c.ring), dstAt: c.geo.ringAt(a.token+from, a.kind, a.layer), dstStride: stride,
	})
}
