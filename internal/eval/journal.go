package eval

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qaqvk/qaqvk/internal/model"
)

// Journal keeps finished parts of a run in a file, a JSON line each, so that an
// interrupted run goes on. Its zero value keeps them in memory alone.
type Journal struct {
	path    string
	file    *os.File
	entries map[entryKey]json.RawMessage
}

// entryKey names a part: what was done, with which method, and which context or
// question of it.
type entryKey struct {
	Part   string `json:"part"`
	Method string `json:"method"`
	Index  int    `json:"index"`
}

type entry struct {
	entryKey
	Value json.RawMessage `json:"value"`
}

// OpenJournal reads the journal of runs with that key in folder dir, or begins
// one.
func OpenJournal(dir, key string) (*Journal, error) {
	j := &Journal{path: filepath.Join(dir, "eval-"+key+".jsonl"), entries: map[entryKey]json.RawMessage{}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	data, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	whole := j.read(data)
	if j.file, err = os.OpenFile(j.path, os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	// A line that an interruption cut off is written over.
	if err = j.file.Truncate(int64(whole)); err == nil {
		_, err = j.file.Seek(int64(whole), 0)
	}
	if err != nil {
		return nil, fmt.Errorf("eval: journal: %w", errors.Join(err, j.file.Close()))
	}
	return j, nil
}

// read enters the whole lines and returns their bytes.
func (j *Journal) read(data []byte) (whole int) {
	for s := bufio.NewReader(bytes.NewReader(data)); ; {
		line, err := s.ReadBytes('\n')
		var e entry
		if err != nil || json.Unmarshal(line, &e) != nil {
			return whole
		}
		j.entries[e.entryKey] = e.Value
		whole += len(line)
	}
}

// Len are the parts that are done.
func (j *Journal) Len() int { return len(j.entries) }

// get fills v with what was kept of a part; false: nothing.
func (j *Journal) get(k entryKey, v any) bool {
	kept, ok := j.entries[k]
	return ok && json.Unmarshal(kept, v) == nil
}

// put keeps a part.
func (j *Journal) put(k entryKey, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("eval: journal: %w", err)
	}
	if j.entries == nil {
		j.entries = map[entryKey]json.RawMessage{}
	}
	j.entries[k] = value
	if j.file == nil {
		return nil
	}
	line, err := json.Marshal(entry{k, value})
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("eval: journal %s: what was done before is kept: %w", j.path, err)
	}
	return nil
}

// Close keeps the file for the next run; Done removes it.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// Done ends a run that is complete.
func (j *Journal) Done() error {
	if j.file == nil {
		return nil
	}
	return errors.Join(j.file.Close(), os.Remove(j.path))
}

// Key names what results depend on beside text, tasks and method: the model, its
// profile, the device, how it is measured, and this program itself, which has the
// profiles that ship.
func (b *Bench) Key() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("eval: %w", err)
	}
	sum, err := model.Checksum(program)
	if err != nil {
		return "", err
	}
	profile := ""
	if b.Profile != "" {
		if profile, err = model.Checksum(b.Profile); err != nil {
			return "", fmt.Errorf("eval: profile: %w", err)
		}
	}
	h := sha256.New()
	fmt.Fprintln(h, sum, profile, b.Model.SHA256, b.Device.Name(), b.Device.Driver(), b.Window, b.Attend, b.Late)
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
