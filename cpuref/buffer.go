package cpuref

import (
	"fmt"

	"github.com/qaqvk/qaqvk/shaders"
)

// RangeError says that the arguments of a kernel lead outside a buffer.
type RangeError struct {
	Kernel string
	Buffer string // as the shader names it
	Index  uint64 // last word asked for
	Limit  uint64 // words of the buffer
}

// Error names the kernel, the buffer, the index and the limit.
func (e *RangeError) Error() string {
	return fmt.Sprintf("cpuref: %s: %s[%d]: buffer has %d words", e.Kernel, e.Buffer, e.Index, e.Limit)
}

// buffer is a kernel's buffer that is never indexed out of range.
type buffer struct {
	kernel, name string
	words        []uint32
}

// span returns n words from word at.
func (b buffer) span(at, n uint64) ([]uint32, error) {
	limit := uint64(len(b.words))
	if n == 0 {
		return nil, nil
	}
	if at > limit || n > limit-at {
		return nil, &RangeError{b.kernel, b.name, at + n - 1, limit}
	}
	return b.words[at : at+n : at+n], nil
}

// word returns one word.
func (b buffer) word(at uint64) (uint32, error) {
	w, err := b.span(at, 1)
	if err != nil {
		return 0, err
	}
	return w[0], nil
}

// argument returns an error about an argument of a kernel.
func argument(kernel, format string, args ...any) error {
	return fmt.Errorf("cpuref: %s: %w", kernel, fmt.Errorf(format, args...))
}

// checkAligned returns an error unless rows that start at a word and lie a
// stride apart move 128 bits at a time.
func checkAligned(kernel string, at, stride uint32) error {
	if at%shaders.Align != 0 || stride%shaders.Align != 0 {
		return argument(kernel, "rows from word %d, %d a token: must be multiples of %d", at, stride, shaders.Align)
	}
	return nil
}

// checkSlots returns an error unless slots hold what a layout needs and move 128
// bits at a time.
func checkSlots(kernel string, l shaders.Layout, base, stride uint32) error {
	if int(stride) < l.SlotWords() {
		return argument(kernel, "slots of %d words: must be at least %d", stride, l.SlotWords())
	}
	if base%shaders.Align != 0 || stride%shaders.Align != 0 {
		return argument(kernel, "slots from word %d, of %d: must be multiples of %d", base, stride, shaders.Align)
	}
	return nil
}

// checkPlace returns an error unless what begins at a word, such as a page,
// moves 128 bits at a time.
func (b buffer) checkPlace(at uint32) error {
	if at%shaders.Align != 0 {
		return argument(b.kernel, "place %s[%d]: must be a multiple of %d", b.name, at, shaders.Align)
	}
	return nil
}

// checkWhole returns an error unless buffers move 128 bits at a time to their
// end.
func checkWhole(buffers ...buffer) error {
	for _, b := range buffers {
		if len(b.words)%shaders.Align != 0 {
			return argument(b.kernel, "%s of %d words: must be a multiple of %d", b.name, len(b.words), shaders.Align)
		}
	}
	return nil
}
