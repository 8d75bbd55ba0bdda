package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// Copy copies vectors of four words.
func Copy(_ shaders.Spec, p shaders.CopyPush, src, dst []uint32) error {
	const k = kernel("copy")
	return try(func() {
		from := buffer{k, "src", src}.span(0, 4*uint64(p.Vectors))
		copy(buffer{k, "dst", dst}.span(0, 4*uint64(p.Vectors)), from)
	})
}
