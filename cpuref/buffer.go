package cpuref

import "fmt"

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
	if at%4 != 0 || stride%4 != 0 {
		return argument(kernel, "rows from word %d, %d a token: must be multiples of 4", at, stride)
	}
	return nil
}
