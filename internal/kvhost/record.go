package kvhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/qaqvk/qaqvk/internal/model/gguf"
	"github.com/qaqvk/qaqvk/internal/record"
)

// recordedBits are the stored bits an element that a recorded profile aims at: those of
// qaqvk calibrate. QAQVK_BITS asks for others of a profile that there is.
const recordedBits = 1.8

// errModel says that the model's file is not known.
var errModel = errors.New("a profile is of one file: QAQVK_MODEL names it")

// recording is what a run leaves for calibration.
type recording struct {
	recorder *record.Recorder
	model    string // GGUF file, "" until there is a cache
	written  int    // windows of the profile that was written last
}

// Watch returns what takes the rows of one more KV buffer, nil where the settings do not
// ask for it.
func (h *Host) Watch() *record.Buffer {
	if h.Settings.Calibrate == "" {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.recording.recorder == nil {
		h.recording.recorder = record.New(h.Log)
	}
	return h.recording.recorder.Buffer()
}

// recordedFor says for which model a cache is recorded, "" where it is not. It fails
// where the profile could not be written in the end.
func (h *Host) recordedFor() (words string, err error) {
	file := h.Settings.Calibrate
	if file == "" {
		return "", nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.recording.model == "" {
		path, err := h.modelFile()
		if err != nil {
			return "", fmt.Errorf("QAQVK_CALIBRATE=%s: %w", file, err)
		}
		h.recording.model = path
	}
	if at, err := os.Stat(filepath.Dir(file)); err != nil || !at.IsDir() {
		return "", fmt.Errorf("QAQVK_CALIBRATE=%s: there is no such folder", file)
	}
	return fmt.Sprintf(", recorded for %s, a profile of %s", file, h.recording.model), nil
}

// modelFile is the GGUF file that QAQVK_MODEL names or, without that, the one that the
// process has mapped.
func (h *Host) modelFile() (string, error) {
	path := h.Settings.Model
	if path == "" {
		mapped := h.Mapped()
		if len(mapped) != 1 {
			return "", fmt.Errorf("the process has mapped %d GGUF files: %w", len(mapped), errModel)
		}
		path = mapped[0]
	}
	f, err := gguf.Open(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errModel, err)
	}
	return path, f.Close()
}

// Recorded writes the profile of what was recorded so far, as a buffer is freed, and
// says so; it says nothing where nothing came since it did.
func (h *Host) Recorded() (line string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, file := &h.recording, h.Settings.Calibrate
	if r.recorder == nil {
		return "", nil
	}
	windows := r.recorder.Windows()
	if windows > 0 && windows == r.written {
		return "", nil
	}
	line, err = h.write(windows)
	if err != nil {
		return "", fmt.Errorf("QAQVK_CALIBRATE=%s: no profile was written: %w", file, err)
	}
	r.written = windows
	return line, nil
}

// write writes the profile of so many windows.
func (h *Host) write(windows int) (line string, err error) {
	fingerprint := ""
	if windows > 0 { // hashing a model takes a while
		if fingerprint, err = fingerprintOf(h.recording.model); err != nil {
			return "", err
		}
	}
	out, err := h.recording.recorder.Result(recordedBits, fingerprint)
	if err != nil {
		return "", err
	}
	if err := out.Profile.Save(h.Settings.Calibrate); err != nil {
		return "", err
	}
	return fmt.Sprintf("profile written to %s: %d tokens in %d windows, %d layers, %.2f bits an element, for QAQVK_PROFILE",
		h.Settings.Calibrate, out.Tokens, windows, out.Profile.Shape.Layers, out.Bits), nil
}
