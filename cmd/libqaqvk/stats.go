package main

// #include "native.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/capi"
)

//export qaqvk_cache_get_stats
func qaqvk_cache_get_stats(cache C.qaqvk_cache, to *C.qaqvk_stats) C.int32_t {
	return call("qaqvk_cache_get_stats", func() error {
		return stats(to, func() (backend.Stats, error) { return capi.CacheStats(capi.Handle(cache)) })
	})
}

//export qaqvk_sequence_get_stats
func qaqvk_sequence_get_stats(sequence C.qaqvk_sequence, to *C.qaqvk_stats) C.int32_t {
	return call("qaqvk_sequence_get_stats", func() error {
		return stats(to, func() (backend.Stats, error) { return capi.SequenceStats(capi.Handle(sequence)) })
	})
}

func stats(to *C.qaqvk_stats, of func() (backend.Stats, error)) error {
	if err := input("stats", to); err != nil {
		return err
	}
	s, err := of()
	if err != nil {
		return err
	}
	*to = C.qaqvk_stats{struct_size: to.struct_size, sequences: C.uint32_t(s.Sequences),
		tokens: C.uint64_t(s.Tokens), stored_tokens: C.uint64_t(s.Stored),
		f16_bytes: C.uint64_t(s.Bytes.F16), live_bytes: C.uint64_t(s.Bytes.Live), stored_bytes: C.uint64_t(s.Bytes.Stored),
		committed_bytes: C.uint64_t(s.Bytes.Committed), table_bytes: C.uint64_t(s.Bytes.Tables), staging_bytes: C.uint64_t(s.Bytes.Staging),
		host_bytes: C.uint64_t(s.Bytes.Host), peak_bytes: C.uint64_t(s.Bytes.Peak),
		key_bits: C.double(s.K.Mean), value_bits: C.double(s.V.Mean), lowered: C.double(s.Lowered),
		pages: C.uint64_t(s.Pages), segments: C.uint64_t(s.Segments), submits: C.uint64_t(s.Submits),
		promoted: C.uint64_t(s.Moves.Promoted), demoted: C.uint64_t(s.Moves.Demoted), missed: C.uint64_t(s.Moves.Missed),
		clamped: C.uint64_t(s.Clamped), non_finite: C.uint64_t(s.NonFinite)}
	return nil
}

//export qaqvk_cache_get_stats_json
func qaqvk_cache_get_stats_json(cache C.qaqvk_cache, to *C.char, room C.uint64_t, size *C.uint64_t) C.int32_t {
	return call("qaqvk_cache_get_stats_json", func() error {
		text, err := capi.JSON(capi.CacheStats(capi.Handle(cache)))
		return give(text, err, to, room, size)
	})
}

//export qaqvk_sequence_get_stats_json
func qaqvk_sequence_get_stats_json(sequence C.qaqvk_sequence, to *C.char, room C.uint64_t, size *C.uint64_t) C.int32_t {
	return call("qaqvk_sequence_get_stats_json", func() error {
		text, err := capi.JSON(capi.SequenceStats(capi.Handle(sequence)))
		return give(text, err, to, room, size)
	})
}

// give writes a text and its end where it fits, and what it takes.
func give(text []byte, err error, to *C.char, room C.uint64_t, size *C.uint64_t) error {
	if err := first(err, output("size", size)); err != nil {
		return err
	}
	need := C.uint64_t(len(text) + 1)
	*size = need
	if to == nil {
		return nil
	}
	if room < need {
		return fmt.Errorf("room for %d bytes: the text has %d: %w", room, need, capi.ErrArgument)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(to)), need), append(text, 0))
	return nil
}
