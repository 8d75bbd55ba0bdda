package eval

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

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

// ErrInUse says that another process has the journal of the same run.
var ErrInUse = errors.New("the same run goes on in another process")

// OpenJournal reads the journal of the run with that key in folder dir, or begins
// one. The error wraps ErrInUse while another run has it.
func OpenJournal(dir, key string) (*Journal, error) {
	j := &Journal{path: filepath.Join(dir, "eval-"+key+".jsonl"), entries: map[entryKey]json.RawMessage{}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	var err error
	if j.file, err = os.OpenFile(j.path, os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return nil, fmt.Errorf("eval: journal: %w", err)
	}
	if err := j.begin(); err != nil {
		return nil, fmt.Errorf("eval: journal %s: %w", j.path, errors.Join(err, j.file.Close()))
	}
	return j, nil
}

// begin takes the file for this process alone and reads it. A line that an
// interruption cut off is written over.
func (j *Journal) begin() error {
	err := syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	if err != nil {
		return err
	}
	data, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	whole := int64(j.read(data))
	if err := j.file.Truncate(whole); err != nil {
		return err
	}
	_, err = j.file.Seek(whole, io.SeekStart)
	return err
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

// Key names a run: what is measured with which methods, the model, its profile, the
// device, how it is measured, and this program itself, which has the profiles that
// ship. The journal of another run stays as it is.
func (b *Bench) Key(o Options) (string, error) {
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
	o.name(h)
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// name writes what is measured.
func (o *Options) name(w io.Writer) {
	for _, m := range o.Methods {
		fmt.Fprintln(w, m.Name())
	}
	if c := o.Corpus; c != nil {
		fmt.Fprintln(w, c.part, len(c.Contexts), o.Needle != nil)
	}
	for _, t := range o.Tasks {
		fmt.Fprintln(w, t.part, len(t.Questions))
	}
}
