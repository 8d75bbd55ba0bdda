package shaders

import (
	"encoding/binary"
	"fmt"
)

//go:generate go run ../internal/shadergen

// PageMagic is word 0 of a page: "QA" and the version of the layout.
const PageMagic = 0x51410001

// Raw is the bit width of a group that is stored as it came.
const Raw = 16

// Values of the spec constants TYPE and OUT_TYPE.
const (
	TypeF32  = 0
	TypeF16  = 1
	TypeBF16 = 2
)

// Kernel describes a compute kernel: its SPIR-V (Vulkan 1.1, entry point
// "main") and all that a pipeline and a dispatch need to know of it, as
// reflected from that SPIR-V. Kernels are shared; do not modify them.
type Kernel struct {
	Name      string     // base name of the GLSL file
	SPIRV     []byte     // the module, little-endian words
	Bindings  []Binding  // storage buffers of set 0 by index, 0 to len-1
	PushSize  uint32     // bytes of the push constants
	Push      []Field    // push-constant fields by offset, without gaps
	Constants []Constant // specialization constants by id
}

// String is the name of the kernel.
func (k *Kernel) String() string { return k.Name }

// Binding is a storage buffer of a kernel.
type Binding struct {
	Name      string // name of the GLSL block
	Index     uint32 // binding number in set 0
	ReadOnly  bool   // the kernel never writes it
	WriteOnly bool   // the kernel never reads it
}

// Field is a push-constant field of 32 bits.
type Field struct {
	Name   string
	Offset uint32 // bytes
	Float  bool   // f32, else uint
}

// Constant is a specialization constant, a uint of 32 bits.
type Constant struct {
	Name    string // as in GLSL: HEAD_DIM
	ID      uint32
	Default uint32
}

// ByName returns the kernel of that name, nil if there is none.
func ByName(name string) *Kernel {
	for _, k := range All() {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// CheckSpec fails unless spec has one value a constant of k.
func (k *Kernel) CheckSpec(spec []uint32) error {
	if len(spec) != len(k.Constants) {
		return fmt.Errorf("shaders: %s: %d specialization values, want %d", k.Name, len(spec), len(k.Constants))
	}
	return nil
}

// CheckPush fails unless push has the size of k's push constants in bytes.
func (k *Kernel) CheckPush(push []byte) error {
	if len(push) != int(k.PushSize) {
		return fmt.Errorf("shaders: %s: push constants of %d bytes, want %d", k.Name, len(push), k.PushSize)
	}
	return nil
}

// pushBytes lays words out as push constants.
func pushBytes(words ...uint32) []byte {
	b := make([]byte, 0, 4*len(words))
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// pushWord is word i of push constants, 0 behind their end.
func pushWord(b []byte, i int) uint32 {
	if len(b) < 4*i+4 {
		return 0
	}
	return binary.LittleEndian.Uint32(b[4*i:])
}

// specWord is value i of a specialization, 0 behind its end.
func specWord(words []uint32, i int) uint32 {
	if i >= len(words) {
		return 0
	}
	return words[i]
}
