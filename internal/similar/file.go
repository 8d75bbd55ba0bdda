package similar

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
)

// ToFile returns how like a picture is to that of a PNG file, which it writes first if
// update is set.
func ToFile(m image.Image, path string, update bool) (float64, error) {
	if update {
		var b bytes.Buffer
		err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, m)
		if err == nil {
			err = os.WriteFile(path, b.Bytes(), 0o644)
		}
		if err != nil {
			return 0, fmt.Errorf("similar: %w", err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("similar: %w", err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		return 0, fmt.Errorf("similar: %s: %w", path, err)
	}
	return Pictures(m, want), nil
}
