package device

import (
	"context"
	"time"
)

// Memory says where a buffer lies and who may touch it.
type Memory int

const (
	DeviceLocal Memory = iota // fastest for kernels; the host does not see it
	Upload                    // the host writes it, the device reads it
	Download                  // the device writes it, the host reads it
)

func (m Memory) String() string {
	return [...]string{"device", "upload", "download"}[m]
}

// Device runs recorded lists over buffers of 32-bit words. Its methods may be
// called from several goroutines; a Buffer and a List belong to one at a time.
type Device interface {
	// Name is what the device calls itself: "cpu", "llvmpipe (LLVM 15.0.6, 256 bits)".
	Name() string
	// Driver names the software below: "cpuref", "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)".
	Driver() string
	Limits() Limits
	// NewBuffer gives a buffer whose words are undefined until written. The
	// label names it in command lines and errors.
	NewBuffer(label string, words int, m Memory) (Buffer, error)
	// Owns tells whether a buffer was made by this device and is not released.
	Owns(b Buffer) bool
	// Submit starts a list after all lists submitted before it. An error of
	// the recording (List.Err) is returned here, before anything runs.
	Submit(l *List) (Ticket, error)
	Stats() Stats
	// Close frees the device. It fails, naming them, while buffers or lists
	// of it are not released; the device is gone all the same.
	Close() error
}

// Buffer is device memory of Len words.
type Buffer interface {
	Label() string
	Len() int
	// Words is the host's view of an Upload or Download buffer and nil for a
	// DeviceLocal one. Host writes are seen by lists submitted later; words
	// that a list wrote may be read once its ticket was waited for.
	Words() []uint32
	// Release frees the buffer, which no unfinished list may use.
	Release()
}

// Ticket is a submitted list.
type Ticket interface {
	// Wait returns when the list is done, with the error that stopped it, or
	// with the context's error when that comes first. It may be repeated.
	Wait(ctx context.Context) error
	// Times gives, after Wait, the time up to each mark of the list since the
	// mark before it (or the list's begin), summed over marks of one label.
	Times() map[string]time.Duration
}

// Stats counts what a device holds. All are zero after Close.
type Stats struct {
	LiveBytes      int64          `json:"live_bytes"`      // bytes of buffers
	PeakBytes      int64          `json:"peak_bytes"`      // the most bytes of buffers in device memory at once, those in mapped memory left out
	CommittedBytes int64          `json:"committed_bytes"` // bytes that the allocator took from the driver
	Objects        map[string]int `json:"objects"`         // live objects by kind: "buffer", "list", ...
}
