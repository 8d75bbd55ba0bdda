package main

// #include "native.h"
import "C"

import (
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/capi"
)

//export qaqvk_profile_load
func qaqvk_profile_load(path C.text_in, to *C.qaqvk_profile) C.int32_t {
	return call("qaqvk_profile_load", func() error { return profileOf(to, "path", path, capi.LoadProfile) })
}

//export qaqvk_profile_shipped
func qaqvk_profile_shipped(model C.text_in, to *C.qaqvk_profile) C.int32_t {
	return call("qaqvk_profile_shipped", func() error { return profileOf(to, "model", model, capi.ShippedProfile) })
}

func profileOf(to *C.qaqvk_profile, name string, s C.text_in, open func(string) (capi.Handle, error)) error {
	return made(to, func() (capi.Handle, error) {
		t, err := text(name, s)
		if err != nil {
			return 0, err
		}
		return open(t)
	})
}

//export qaqvk_profile_get_info
func qaqvk_profile_get_info(handle C.qaqvk_profile, info *C.qaqvk_profile_info) C.int32_t {
	return call("qaqvk_profile_get_info", func() error {
		if err := input("info", info); err != nil {
			return err
		}
		p, err := capi.ProfileOf(capi.Handle(handle))
		if err != nil {
			return err
		}
		*info = C.qaqvk_profile_info{struct_size: info.struct_size, layers: C.uint32_t(p.Shape.Layers), kv_heads: C.uint32_t(p.Shape.KVHeads),
			head_dim: C.uint32_t(p.Shape.HeadDim), page_tokens: C.uint32_t(p.PageTokens), recent: C.uint32_t(p.Importance.Recent), bits: C.double(p.Bits()), rope_halves: truth(p.RoPE.Halves)}
		return nil
	})
}

//export qaqvk_profile_close
func qaqvk_profile_close(handle C.qaqvk_profile) C.int32_t {
	return call("qaqvk_profile_close", func() error { return capi.CloseProfile(capi.Handle(handle)) })
}

//export qaqvk_cache_create
func qaqvk_cache_create(of C.qaqvk_device, config C.config_in, to *C.qaqvk_cache) C.int32_t {
	return call("qaqvk_cache_create", func() error {
		return made(to, func() (capi.Handle, error) {
			if err := input("config", config); err != nil {
				return 0, err
			}
			c, err := cacheConfig(config)
			if err != nil {
				return 0, err
			}
			return capi.NewCache(capi.Handle(of), c)
		})
	})
}

// cacheConfig is a configuration in Go.
func cacheConfig(c C.config_in) (capi.Config, error) {
	for _, b := range []C.uint64_t{c.reserve, c.host_budget, c.bytes_budget} {
		if b > math.MaxInt64 {
			return capi.Config{}, fmt.Errorf("%d bytes: must be at most %d: %w", b, int64(math.MaxInt64), capi.ErrArgument)
		}
	}
	if c._type > C.uint32_t(backend.F32) || c.level > C.uint32_t(backend.LevelToken) {
		return capi.Config{}, fmt.Errorf("type %d, level %d: must be 0..2: %w", c._type, c.level, backend.ErrConfig)
	}
	out := capi.Config{Config: backend.Config{Layers: int(c.layers), KVHeads: int(c.kv_heads), QueryHeads: int(c.query_heads), HeadDim: int(c.head_dim),
		Capacity: int(c.capacity), Sequences: int(c.sequences), Type: backend.Type(c._type), Level: backend.Level(c.level),
		AdaptEvery: int(c.adapt_every), MaxSubmit: time.Duration(c.max_submit_ms) * time.Millisecond,
		Recent: int(c.recent), Queries: int(c.queries), PageTokens: int(c.page_tokens), MaxStepTokens: int(c.max_step_tokens),
		OutlierFraction: float64(c.outlier_fraction), Reserve: int64(c.reserve), HostBudget: int64(c.host_budget), BytesBudget: int64(c.bytes_budget)},
		Adaptation: uint32(c.adaptation), Profile: capi.Handle(c.profile), Bits: float64(c.bits), Policy: policyOf(c)}
	if c.layers > mostLayers || c.kv_heads > mostHeads {
		return out, nil // which the cache refuses
	}
	if c.layer_windows != nil {
		for _, w := range unsafe.Slice(c.layer_windows, c.layers) {
			out.LayerWindows = append(out.LayerWindows, int(w))
		}
	}
	if c.query_norms != nil {
		for layer := range int(c.layers) {
			norms := unsafe.Slice(c.query_norms, int(c.layers*c.kv_heads))[layer*int(c.kv_heads):][:c.kv_heads]
			out.Policy.QueryNorms = append(out.Policy.QueryNorms, append([]float64(nil), unsafe.Slice((*float64)(unsafe.SliceData(norms)), len(norms))...))
		}
	}
	return out, nil
}

// The most layers and KV heads of a cache: arrays of the caller that are longer are not
// looked at.
const (
	mostLayers = 4096
	mostHeads  = 1024
)

func policyOf(c C.config_in) capi.Policy {
	return capi.Policy{Name: C.GoString(c.policy), KeyError: float64(c.key_error), ValueError: float64(c.value_error),
		MinBits: int(c.min_bits), MaxBits: int(c.max_bits), Formula: uint32(c.formula), KeyBits: int(c.key_bits), ValueBits: int(c.value_bits),
		Tokens: int(c.policy_tokens), Recent: int(c.policy_recent), History: int(c.policy_history), Recall: c.policy_recall != 0}
}

//export qaqvk_cache_close
func qaqvk_cache_close(handle C.qaqvk_cache) C.int32_t {
	return call("qaqvk_cache_close", func() error { return capi.CloseCache(capi.Handle(handle)) })
}
