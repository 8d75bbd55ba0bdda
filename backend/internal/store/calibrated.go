package store

import (
	"slices"

	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/codec"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/shaders"
)

// Calibrated encodes pages as records at the levels of their tokens.
type Calibrated struct {
	Work  *core.Work
	Codec *codec.Calibrated
	Ring  core.Ring

	// Choose records that the tokens of pages get levels, a word each, and Measure
	// takes what that takes of a plan. nil: tokens from First on have the level of the
	// mean, those before are raw.
	Choose  func(l *device.List, plan *core.Room, list []pages.ID, levels device.View)
	Measure func(plan *core.Room, pages int)
	First   int
}

// fixedLevel is the level of all tokens where nothing chooses.
const fixedLevel = profile.BaseLevel

// records says where a batch of n pages of each kind has what in the scratch: the
// levels of its tokens, a status of each row, and slots of codes, of K and then of V.
// What is read back goes to out as it lies.
type records struct {
	n                int
	levels, statuses device.View
	slots, end       int // words: of the first one, behind the last
}

// newRecords lays out a batch. Runs of pages of one layer have aligned statuses.
func newRecords(w *core.Work, of *codec.Calibrated, n int) records {
	room, tokens := core.Measuring(w.Limits.ViewAlign), n*w.PageTokens
	r := records{n: n, levels: room.Take(tokens), statuses: room.Take(2 * n * runStatuses(w, 1))}
	r.levels.Buffer, r.statuses.Buffer, r.slots = w.Scratch, w.Scratch, room.Used()
	r.end = r.slots + 2*tokens*of.Tables(shaders.Key, 0).CodeWords()
	return r
}

// runStatuses are the words of the statuses of so many pages of one layer and kind.
func runStatuses(w *core.Work, pages int) int {
	return core.RoundUp(pages*w.PageTokens*w.KVHeads, w.Limits.ViewAlign)
}

// Fits tells whether n pages of each kind fit the buffers at once.
func (s *Calibrated) Fits(n int) bool {
	scratch, plan, out := RecordsRoom(s.Work, s.Codec, s.Measure, n)
	return scratch <= s.Work.Scratch.Len() && plan <= s.Work.Plan.Len() && out <= s.Work.Out.Len()
}

// RecordsRoom are the words of scratch, of plans and of out that n pages of each kind
// take at once, wherever they go.
func RecordsRoom(w *core.Work, of *codec.Calibrated, choosing func(*core.Room, int), n int) (scratch, plan, out int) {
	r, room := newRecords(w, of, n), core.Measuring(w.Limits.ViewAlign)
	if choosing != nil {
		choosing(room, n)
	}
	for range n { // at most as many runs
		for k := range 2 {
			room.Take(shaders.RecordEncodeJobWords + of.RotationWords(shaders.Kind(k)))
		}
	}
	packs := 2 * n * core.RoundUp(recordPackWords(w, of, 1), w.Limits.ViewAlign)
	return r.end, max(room.Used(), packs), r.slots
}

// Ends: one dispatch chooses the levels of all layers.
func (s *Calibrated) Ends(int) bool { return false }

// Encode fills the slots of both kinds and brings levels and statuses to out.
func (s *Calibrated) Encode(batch []pages.ID) ([]Page, error) {
	w, r := s.Work, newRecords(s.Work, s.Codec, len(batch))
	err := w.Run.Run("encode", func(l *device.List) {
		plan := w.PlanRoom()
		if s.Choose != nil {
			s.Choose(l, plan, batch, r.levels)
			l.Mark("choose_levels")
		}
		s.eachRun(batch, func(k shaders.Kind, run []pages.ID, first, at int) { s.recordEncode(l, plan, r, k, run, first, at) })
		l.Check(plan.Err())
		l.Mark("encode_calibrated")
		l.Barrier(device.Shader, device.Transfer)
		l.Copy(w.Scratch, w.Out, device.Region{Words: r.slots})
	})
	return s.readLevels(batch, r), err
}

// eachRun calls f for the pages of each layer of a batch, of K and then of V: with
// their kind, those pages, the number of the first in the batch, and how many words
// of statuses come before theirs.
func (s *Calibrated) eachRun(batch []pages.ID, f func(k shaders.Kind, run []pages.ID, first, at int)) {
	statuses := 0
	for k := range 2 {
		for first := 0; first < len(batch); {
			end := first
			for end < len(batch) && batch[end].LayerGroup == batch[first].LayerGroup {
				end++
			}
			f(shaders.Kind(k), batch[first:end], first, statuses)
			statuses += runStatuses(s.Work, end-first)
			first = end
		}
	}
}

// recordEncode records the encoding of pages of a layer and kind.
func (s *Calibrated) recordEncode(l *device.List, plan *core.Room, r records, k shaders.Kind, run []pages.ID, first, at int) {
	w, layer := s.Work, run[0].LayerGroup
	jobs, rotations := make([]shaders.RecordEncodeJob, len(run)), make([][]float32, len(run))
	for i, p := range run {
		p.Kind = k
		jobs[i].At, rotations[i] = uint32(s.Ring.At(w.Geometry, p.Page*w.PageTokens, k, layer)), s.Codec.Rotation(p)
	}
	begin := r.statuses.Offset + at
	slot := r.slots + s.slot(r.n, k, first)*s.Codec.Tables(k, layer).CodeWords()
	push := shaders.EncodeCalibratedPush{Tokens: uint32(w.PageTokens), TokenStride: uint32(w.TokenWords), SlotBase: uint32(slot - begin)}
	push.Rotary, push.Interleaved = s.Codec.Rotary(k)
	p := s.Codec.Pipeline(shaders.EncodeCalibrated)
	l.Dispatch(device.Dispatch{Kernel: p.Kernel, Spec: p.Words(), Push: push.Bytes(),
		Workgroups: shaders.EncodeRecordsWorkgroups(p, len(run), w.PageTokens),
		Views: []device.View{device.Whole(s.Ring.Buffer), plan.Put(shaders.EncodeRecordsPlan(jobs, rotations)),
			{Buffer: w.Scratch, Offset: begin, Words: r.end - begin}, s.Codec.View(k, layer)}})
}

// slot is the number of the first slot of a page of a batch of n pages of each kind.
func (s *Calibrated) slot(n int, k shaders.Kind, page int) int {
	return (int(k)*n + page) * s.Work.PageTokens
}

// readLevels reads the levels of a batch: pages in its order, K before V of the same
// tokens.
func (s *Calibrated) readLevels(batch []pages.ID, r records) []Page {
	out, encoded := s.Work.Out.Words(), make([]Page, 2*len(batch))
	tokens := s.Work.PageTokens
	s.eachRun(batch, func(k shaders.Kind, run []pages.ID, first, at int) {
		for i, p := range run {
			levels := s.levels(p.Page, out[r.levels.Offset+(first+i)*tokens:][:tokens])
			statuses := out[r.statuses.Offset+at+i*tokens*s.Work.KVHeads:][:tokens*s.Work.KVHeads]
			for n, status := range statuses {
				if status != 0 {
					levels[n/s.Work.KVHeads] = shaders.Unquantizable
				}
			}
			encoded[2*(first+i)+int(k)] = Page{ID: pages.ID{Kind: k, LayerGroup: p.LayerGroup, Page: p.Page}, Bits: levels}
		}
	})
	return encoded
}

// levels are those of the tokens of a page, which were chosen as words.
func (s *Calibrated) levels(page int, chosen []uint32) []uint8 {
	if s.Choose != nil {
		return shaders.BitsOf(chosen)
	}
	fixed := slices.Repeat([]uint8{fixedLevel}, len(chosen))
	for t := page * len(chosen); t < s.First && t < (page+1)*len(chosen); t++ {
		fixed[t-page*len(chosen)] = shaders.Raw
	}
	return fixed
}

// recordPackWords are the plan words of n pages in a dispatch of pack_calibrated.
func recordPackWords(w *core.Work, of *codec.Calibrated, n int) int {
	return n*(shaders.RecordPackJobWords+shaders.BitsWords(w.PageGroups)) + of.TableWords(n)
}

// Pack records pack_calibrated. Slots are in the order of the batch.
func (s *Calibrated) Pack(l *device.List, plan *core.Room, to device.Buffer, encoded []Page, first, half int) {
	w, r := s.Work, newRecords(s.Work, s.Codec, half)
	jobs, levels, tables := make([]shaders.RecordPackJob, len(encoded)), make([][]uint8, len(encoded)), make([]*shaders.Tables, len(encoded))
	for i, p := range encoded {
		jobs[i] = shaders.RecordPackJob{Slot: uint32(s.slot(half, p.Kind, (first+i)/2)), Page: uint32(p.To.Pages[p.Kind].At),
			Rows: uint32(s.Ring.At(w.Geometry, p.Page*w.PageTokens, p.Kind, p.LayerGroup))}
		levels[i], tables[i] = p.Bits, s.Codec.Tables(p.Kind, p.LayerGroup)
	}
	push := shaders.PackCalibratedPush{Jobs: uint32(len(jobs)), Tokens: uint32(w.PageTokens), TokenStride: uint32(w.TokenWords), SlotBase: uint32(r.slots)}
	core.Dispatch(l, s.Codec.Pipeline(shaders.PackCalibrated), push.Bytes(), len(encoded)*w.PageTokens,
		device.Whole(w.Scratch), device.Whole(s.Ring.Buffer), plan.Put(shaders.PackRecordsPlan(jobs, levels, tables)), device.Whole(to))
}
