package cpuref

import (
	"fmt"
	"math"
	"math/bits"

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

// failure is what a failed check ends a kernel with. It leaves no kernel: try
// returns it as an error.
type failure struct{ error }

// try runs a kernel and returns the error of the check that ended it.
func try(kernel func()) (err error) {
	defer func() {
		switch ended := recover().(type) {
		case nil:
		case failure:
			err = ended.error
		default:
			panic(ended)
		}
	}()
	kernel()
	return nil
}

// kernel is the name of a kernel, which its checks tell.
type kernel string

// fail ends the kernel.
func (k kernel) fail(format string, args ...any) {
	panic(failure{fmt.Errorf("cpuref: %s: %w", k, fmt.Errorf(format, args...))})
}

// layout returns the layout that the kernel is specialized for.
func (k kernel) layout(s shaders.Spec) shaders.Layout {
	l := shaders.Layout{
		Type: s.Type, HeadDim: int(s.HeadDim), Rows: int(s.Rows), Low: int(s.Low), High: int(s.High),
	}
	if err := l.Check(); err != nil {
		k.fail("%v", err)
	}
	return l
}

// checkOut fails unless typ is an element type.
func (k kernel) checkOut(typ uint32) {
	if typ > shaders.TypeBF16 {
		k.fail("output type %d: must be 0 (f32), 1 (f16) or 2 (bf16)", typ)
	}
}

// checkRule fails unless least and most are bits that the rule can give.
func (k kernel) checkRule(least, most uint32) {
	if least > 8 || most < least || most > 8 && most != shaders.Raw {
		k.fail("bits from %d to %d: must be 0..8, the upper limit may be %d", least, most, shaders.Raw)
	}
}

// checkAligned fails unless rows that start at a word and lie a stride apart move
// 128 bits at a time.
func (k kernel) checkAligned(at, stride uint32) {
	if at%shaders.Align != 0 || stride%shaders.Align != 0 {
		k.fail("rows from word %d, %d a token: must be multiples of %d", at, stride, shaders.Align)
	}
}

// checkSlots fails unless slots hold what a layout needs and move 128 bits at a
// time.
func (k kernel) checkSlots(l shaders.Layout, base, stride uint32) {
	if int(stride) < l.SlotWords() {
		k.fail("slots of %d words: must be at least %d", stride, l.SlotWords())
	}
	if base%shaders.Align != 0 || stride%shaders.Align != 0 {
		k.fail("slots from word %d, of %d: must be multiples of %d", base, stride, shaders.Align)
	}
}

// buffer is a kernel's buffer that is never indexed out of range.
type buffer struct {
	kernel
	name  string
	words []uint32
}

// span returns n words from word at.
func (b buffer) span(at, n uint64) []uint32 {
	limit := uint64(len(b.words))
	if n == 0 {
		return nil
	}
	if at > limit || n > limit-at {
		panic(failure{&RangeError{string(b.kernel), b.name, at + n - 1, limit}})
	}
	return b.words[at : at+n : at+n]
}

// word returns one word.
func (b buffer) word(at uint64) uint32 { return b.span(at, 1)[0] }

// spanOf returns as many words from word at as the product of the factors.
func (b buffer) spanOf(at uint64, factors ...uint64) []uint32 {
	n, ok := product(factors...)
	if !ok {
		panic(failure{&RangeError{string(b.kernel), b.name, math.MaxUint64, uint64(len(b.words))}})
	}
	return b.span(at, n)
}

// product multiplies; ok is false above 2^62.
func product(factors ...uint64) (n uint64, ok bool) {
	n = 1
	over := false
	for _, factor := range factors {
		if factor == 0 {
			return 0, true
		}
		high, low := bits.Mul64(n, factor)
		over = over || high != 0 || low > 1<<62
		n = low
	}
	return n, !over
}

// checkPlace fails unless what begins at a word, such as a page, moves 128 bits
// at a time.
func (b buffer) checkPlace(at uint32) {
	if at%shaders.Align != 0 {
		b.fail("place %s[%d]: must be a multiple of %d", b.name, at, shaders.Align)
	}
}

// checkWhole fails unless buffers move 128 bits at a time to their end.
func checkWhole(buffers ...buffer) {
	for _, b := range buffers {
		if len(b.words)%shaders.Align != 0 {
			b.fail("%s of %d words: must be a multiple of %d", b.name, len(b.words), shaders.Align)
		}
	}
}
