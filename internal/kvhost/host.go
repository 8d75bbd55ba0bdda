package kvhost

import (
	"fmt"
	"sync"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/policy"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
	"github.com/qaqvk/qaqvk/internal/pipelines"
)

// outliers of the paper's codec.
const outliers = 0.01

// scratch of a cache in bytes: with the least that does, a prompt of 512 tokens is attended
// a few queries at a time.
const scratch = 4 << 20

// Host makes the caches of a process. Several goroutines may use it.
type Host struct {
	Settings Settings
	Log      func(line string)
	Mapped   func() []string // GGUF files that the process may run

	mu     sync.Mutex
	device device.Device
	past   []Report // of buffers that were closed

	recording recording
	rehearsal rehearsal
}

// open returns the device of the process, which stays open.
func (h *Host) open() (device.Device, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.device != nil {
		return h.device, nil
	}
	d, err := device.Open(h.Settings.Device, device.Options{PipelineCache: pipelines.CacheFile()})
	if err != nil {
		return nil, fmt.Errorf("QAQVK_DEVICE=%s: %w", h.Settings.Device, err)
	}
	h.device = d
	return d, nil
}

// Close closes the device. The caches on it must be closed.
func (h *Host) Close() error {
	h.EndRehearsals()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.device == nil {
		return nil
	}
	err := h.device.Close()
	h.device = nil
	return err
}

// New makes a cache of that shape.
func (h *Host) New(shape kvbuffer.Shape) (*backend.Cache, error) {
	c, words, err := h.config(shape)
	if err != nil {
		return nil, err
	}
	d, err := h.open()
	if err != nil {
		return nil, err
	}
	cache, err := backend.New(d, c)
	if err != nil {
		return nil, err
	}
	h.rehearse(shape, d, c)
	h.Log(fmt.Sprintf("%d layers of %d KV heads of %d elements, %d cells for %d streams, on %s: %s",
		shape.Layers, shape.KVHeads, shape.HeadDim, shape.Cells, shape.Streams, d.Name(), words))
	return cache, nil
}

// config is the cache that the settings ask for, and its codec in words.
func (h *Host) config(shape kvbuffer.Shape) (c backend.Config, words string, err error) {
	s := h.Settings
	c = backend.Config{Layers: shape.Layers, KVHeads: shape.KVHeads, QueryHeads: shape.QueryHeads, HeadDim: shape.HeadDim,
		Capacity: shape.Cells, Sequences: shape.Streams, MaxStepTokens: shape.StepTokens, HostBudget: s.HostBudget, Scratch: scratch, Synchronous: true}
	if s.Policy == None {
		c.Policy, c.HostBudget = policy.None{}, 0
		words, err = h.recordedFor()
		return c, "rows as they came" + words, err
	}
	p, how, err := h.profile(shape)
	if err != nil {
		return c, "", err
	}
	if p == nil {
		c.OutlierFraction = outliers
		c.Policy = policy.QAQ{KeyError: policy.DefaultKeyError, ValueError: policy.DefaultValueError, MinBits: 1, MaxBits: 8}
		return c, "policy qaq, no profile of the model is known (QAQVK_PROFILE or QAQVK_MODEL names it)", nil
	}
	c.Profile, c.BytesBudget = p, s.Budget
	return c, fmt.Sprintf("calibrated, %.2f bits an element aimed at, profile %s", p.Bits(), how), nil
}

// profile is that of the model, solved for the bits of the settings; nil for qaq.
func (h *Host) profile(shape kvbuffer.Shape) (*profile.Profile, string, error) {
	s := h.Settings
	if s.Policy == QAQ {
		return nil, "", nil
	}
	p, how, err := s.findProfile(policy.Shape{Layers: shape.Layers, KVHeads: shape.KVHeads, HeadDim: shape.HeadDim}, h.Mapped)
	switch {
	case err != nil:
		return nil, "", err
	case p == nil && (s.Policy == Calibrated || s.Bits > 0 || s.Budget > 0):
		return nil, "", ErrNoProfile
	case p != nil && s.Bits > 0:
		p, err = p.ForBits(s.Bits)
	}
	return p, how, err
}
