package gguf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Fingerprint returns the SHA-256 over all tensors in the order of their names, in
// lower-case hex: of each its name, type and shape, a NUL behind each, and its
// bytes. File names, metadata and the cutting of a model into parts do not change
// it.
func (f *File) Fingerprint() (string, error) {
	h := sha256.New()
	for _, name := range f.Tensors() {
		t := f.tensors[name]
		fmt.Fprintf(h, "%s\x00%s\x00%d\x00", name, t.Type, t.Dims)
		for at := int64(0); at < t.bytes; at += checkBytes {
			err := t.use(at, min(checkBytes, t.bytes-at), func(src []byte) error {
				h.Write(src)
				return nil
			})
			if err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
