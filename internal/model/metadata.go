package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
)

// metadata reads keys below the architecture's prefix and keeps the first
// error. It knows which keys it read: one that nobody read refuses the file.
type metadata struct {
	f    *gguf.File
	arch string
	read map[string]bool
	err  error
}

// harmless are keys below an architecture's prefix that change no arithmetic.
var harmless = []string{"vocab_size", "tensor_data_layout", "rope.scaling.finetuned"}

// zero are numbers below an architecture's prefix that ask for arithmetic which
// is not done here, unless they are 0.
var zero = []string{
	"attention.max_alibi_bias", "attention.clamp_kqv", "attention.temperature_scale", "attention.temperature_length",
	"attention.output_scale", "expert_used_count", "expert_shared_count", "pooling_type", "rope.scaling.yarn_log_multiplier",
}

func (m *metadata) keep(err error) {
	if m.err == nil {
		m.err = err
	}
}

// refuse says that the file asks for something that is not done here.
func (m *metadata) refuse(format string, a ...any) {
	m.keep(fmt.Errorf("model: %s: %s: %w", m.f.Path(), fmt.Sprintf(format, a...), ErrUnsupported))
}

func (m *metadata) key(name string) string {
	m.read[name] = true
	return m.arch + "." + name
}

func (m *metadata) int(name string, def int) int {
	v, err := m.f.Int(m.key(name), def)
	m.keep(err)
	return v
}

func (m *metadata) float(name string, def float64) float64 {
	v, err := m.f.Float(m.key(name), def)
	m.keep(err)
	return v
}

func (m *metadata) bool(name string, def bool) bool {
	v, err := m.f.Bool(m.key(name), def)
	m.keep(err)
	return v
}

func (m *metadata) string(name, def string) string {
	v, err := m.f.String(m.key(name), def)
	m.keep(err)
	return v
}

// positive reads a count that must be there and at least one.
func (m *metadata) positive(name string) int {
	v := m.int(name, 0)
	if v < 1 {
		m.keep(fmt.Errorf("model: %s: %s is %d or missing, want at least 1: %w", m.f.Path(), m.key(name), v, gguf.ErrKey))
	}
	return v
}

// most is the largest factor or cap: what attention takes (backend.Attend).
const most = 1 << 20

// factor reads a factor or cap from 2^-20 to 2^20; 0, as in files, means none,
// and gives none.
func (m *metadata) factor(name string, none float64) float64 {
	v := m.float(name, 0)
	if v == 0 {
		return none
	}
	if !(v >= 1.0/most && v <= most) {
		m.refuse("%s is %v, want 0 or 2^-20 to 2^20", m.key(name), v)
	}
	return v
}

// refuseOther refuses metadata that asks for other arithmetic, by name.
func (m *metadata) refuseOther() {
	if n := m.int("expert_count", 0); n > 0 {
		m.refuse("mixture of %d experts (%s)", n, m.key("expert_count"))
	}
	if !m.bool("attention.causal", true) {
		m.refuse("%s is false, only causal attention", m.key("attention.causal"))
	}
	if m.bool("use_parallel_residual", false) {
		m.refuse("%s is true", m.key("use_parallel_residual"))
	}
	for _, name := range zero {
		if v := m.float(name, 0); v != 0 {
			m.refuse("%s is %v, only 0", m.key(name), v)
		}
	}
	for _, key := range m.f.Keys() {
		name, ok := strings.CutPrefix(key, m.arch+".")
		if ok && !m.read[name] && !slices.Contains(harmless, name) {
			m.refuse("%.100q is not known here and may ask for other arithmetic", key)
		}
	}
}
