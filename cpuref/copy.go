package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// Copy copies vectors of four words.
func Copy(_ shaders.Spec, p shaders.CopyPush, src, dst []uint32) error {
	from, err := buffer{"copy", "src", src}.span(0, 4*uint64(p.Vectors))
	if err != nil {
		return err
	}
	to, err := buffer{"copy", "dst", dst}.span(0, 4*uint64(p.Vectors))
	if err != nil {
		return err
	}
	copy(to, from)
	return nil
}
