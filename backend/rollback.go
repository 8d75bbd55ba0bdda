package backend

import (
	"encoding/binary"
	"fmt"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/hostcache"
	"github.com/qaqvk/qaqvk/shaders"
)

// Rollback drops the last tokens of finished steps. Then the sequence holds
// what one would hold that never got them: pages whose tokens would still be in
// the recent window are dropped, and their rows lie in the ring again. Pages
// that stay keep the bits that they have, until Adapt.
//
// Attention rows of dropped tokens are forgotten: of the Window queries that
// importance looks at, the first one that saw a dropped token and all after it.
// Until as many queries are observed anew, there are fewer than Window, and as
// in a new sequence groups that are decided then keep the most bits; from then
// on decisions are those of a sequence that never got the tokens.
//
// A rollback inside the ring (PageTokens + MaxAppend tokens and more) needs
// neither device nor host rows; a longer one takes rows from the host. The
// error wraps ErrRollback when they are not there either, because of the
// HostBudget, and ErrUnfinishedStep between Append and Step: tokens of an
// unfinished step cannot be rolled back.
func (s *Sequence) Rollback(tokens int) error {
	if err := s.finished("rollback"); err != nil {
		return err
	}
	if tokens < 0 || tokens > s.tokens {
		return fmt.Errorf("backend: rollback of %d tokens: sequence %d has %d", tokens, s.id, s.tokens)
	}
	s.c.finish(s)
	end := s.tokens - tokens
	stored := min(s.stored, s.c.cfg.leaving(end)*s.c.cfg.PageTokens)
	if stored < s.ringFrom && stored < end {
		if err := s.restore(stored, end); err != nil {
			return err
		}
	}
	s.tokens, s.stored, s.ringFrom = end, stored, min(s.ringFrom, end)
	s.store.truncate(stored / s.c.cfg.PageTokens)
	if s.unmet != nil && s.c.geo.tokenOf(s.unmet.page, s.unmet.group) >= stored {
		s.unmet = nil
	}
	s.importance.forget(end)
	for k := range s.remembered {
		for unit := range s.remembered[k] {
			s.remembered[k][unit].truncate(stored)
		}
	}
	return s.host.truncate(stored)
}

// leaving are the whole pages of tokens that have left the recent window.
func (c Config) leaving(tokens int) int {
	return max(0, (tokens-c.Window)/c.PageTokens)
}

// restore puts a ring with the rows of the tokens from..end in the place of
// the old one: those that it has no more come from the host.
func (s *Sequence) restore(from, end int) error {
	ringFrom := min(s.ringFrom, end)
	if s.host.kept < ringFrom {
		return fmt.Errorf("backend: rollback to %d tokens: rows of the tokens %d..%d are needed, the host keeps the first %d: %w",
			end, from, ringFrom-1, s.host.kept, ErrRollback)
	}
	if err := s.c.freeRows(); err != nil { // the upload buffer is needed
		return err
	}
	ring, err := s.c.newRing(s.id)
	if err != nil {
		return err
	}
	if err = s.copyRing("restore", ring, ringFrom, end); err == nil {
		err = s.upload(ring, from, ringFrom)
	}
	if err != nil {
		ring.Release()
		return err
	}
	s.ring.Release()
	s.ring, s.ringFrom = ring, from
	return nil
}

// upload brings the rows of the tokens from..end from the host to a ring, as
// many at a time as fit the upload buffer.
func (s *Sequence) upload(ring device.Buffer, from, end int) error {
	g, words := &s.c.geo, s.c.rows.Words()
	var regions []device.Region
	used := 0
	for token := from; token < end; token++ {
		for part := range 2 * g.layers {
			kind, layer := shaders.Kind(part/g.layers), part%g.layers
			if used+g.layerWords > len(words) {
				if err := s.uploadSome(ring, regions); err != nil {
					return err
				}
				regions, used = nil, 0
			}
			if err := s.host.layer(kind, layer, token, words[used:]); err != nil {
				return err
			}
			regions = joinRegion(regions, device.Region{Src: used, Dst: g.ringAt(token, kind, layer), Words: g.layerWords})
			used += g.layerWords
		}
	}
	return s.uploadSome(ring, regions)
}

// joinRegion appends a region, or lengthens the last one where it goes on.
func joinRegion(list []device.Region, r device.Region) []device.Region {
	if n := len(list) - 1; n >= 0 && list[n].Src+list[n].Words == r.Src && list[n].Dst+list[n].Words == r.Dst {
		list[n].Words += r.Words
		return list
	}
	return append(list, r)
}

func (s *Sequence) uploadSome(ring device.Buffer, regions []device.Region) error {
	return s.c.run("restore", func(l *device.List) {
		l.Copy(s.c.rows, ring, regions...)
		l.Mark("restore")
	})
}

// layer writes the rows of a token and layer to out as words.
func (h *hostRows) layer(kind shaders.Kind, layer, token int, out []uint32) error {
	rows, err := h.pool.rows.Rows(hostcache.Range{Sequence: h.id, Side: hostcache.Side(kind),
		Layer: layer, Layers: 1, Token: token, Tokens: 1})
	if err != nil {
		return fmt.Errorf("backend: rollback: %w", err)
	}
	for i := range len(rows[0]) / 4 {
		out[i] = binary.LittleEndian.Uint32(rows[0][4*i:])
	}
	return nil
}
