package kvhost

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/internal/kvbuffer"
)

// Report is what a KV buffer did.
type Report struct {
	Ops    kvbuffer.Counts `json:"ops"`
	Buffer int64           `json:"buffer_bytes"` // that llama.cpp asked for
	Cache  *Cache          `json:"cache"`        // null: all rows lay in host memory
}

// Cache are the statistics of a cache at its end.
type Cache struct {
	Tokens int           `json:"tokens"`
	Stored int           `json:"stored"`
	Bytes  backend.Bytes `json:"bytes"`
	KBits  float64       `json:"k_bits"`
	VBits  float64       `json:"v_bits"`
}

// NewReport is that of a buffer of so many bytes.
func NewReport(b *kvbuffer.Buffer, bytes int) Report {
	counts, s, ok := b.Stats()
	r := Report{Ops: counts, Buffer: int64(bytes)}
	if ok {
		r.Cache = &Cache{s.Tokens, s.Stored, s.Bytes, s.K.Mean, s.V.Mean}
	}
	return r
}

// String is a line for a log.
func (r Report) String() string {
	o := r.Ops
	line := fmt.Sprintf("%d ops wrote rows, %d attentions from the cache, %d from memory, %d tokens rolled back", o.SetRows, o.Attended, o.Host, o.Rolled)
	if r.Cache == nil {
		return line
	}
	b := r.Cache.Bytes
	return line + fmt.Sprintf("; %d tokens in %d live bytes, %.3f of f16, %.3f of the buffer, K %.2f and V %.2f bits",
		r.Cache.Tokens, b.Live, float64(b.Live)/float64(max(1, b.F16)), float64(b.Live)/float64(max(1, r.Buffer)), r.Cache.KBits, r.Cache.VBits)
}

// Ended takes the report of a buffer that is about to be closed, and writes those of all
// so far to the file of the settings.
func (h *Host) Ended(r Report) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past = append(h.past, r)
	if h.Settings.Stats == "" {
		return nil
	}
	data, err := json.MarshalIndent(struct {
		Buffers []Report `json:"buffers"`
	}{h.past}, "", "\t")
	if err != nil {
		return err
	}
	return writeWhole(h.Settings.Stats, append(data, '\n'))
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".stats-*")
	if err != nil {
		return fmt.Errorf("QAQVK_STATS=%s: %w", path, err)
	}
	_, err = tmp.Write(data)
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("QAQVK_STATS=%s: %w", path, err)
	}
	return nil
}
