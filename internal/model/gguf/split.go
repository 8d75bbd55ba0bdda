package gguf

import (
	"fmt"
	"slices"
	"strings"
)

// split is what a part says of the model that it belongs to.
type split struct {
	no, count int // count 1: whole
	tensors   int // of all parts, −1: not said
}

// maxParts is what the five digits of the names allow.
const maxParts = 99999

func (p *part) split() (split, error) {
	f := &File{path: p.path, meta: p.meta}
	count, err := f.Int("split.count", 1)
	if err != nil {
		return split{}, err
	}
	no, err := f.Int("split.no", 0)
	if err != nil {
		return split{}, err
	}
	tensors, err := f.Int("split.tensors.count", -1)
	if err != nil {
		return split{}, err
	}
	if count = max(count, 1); no < 0 || no >= count || count > maxParts {
		return split{}, fmt.Errorf("gguf: %s: part %d (split.no %d) of %d, at most %d: %w", p.path, no+1, no, count, maxParts, ErrKey)
	}
	return split{no, count, tensors}, nil
}

func (s split) suffix(no int) string { return fmt.Sprintf("-%05d-of-%05d.gguf", no+1, s.count) }

// openParts opens the other parts beside the one that is open, which s
// describes, and puts all in order.
func (f *File) openParts(s split) error {
	given := f.parts[0]
	base, ok := strings.CutSuffix(given.path, s.suffix(s.no))
	if !ok {
		return fmt.Errorf("gguf: %s: part %d of %d of a split model, renamed: its name must end in %s for the others to be found: %w", given.path, s.no+1, s.count, s.suffix(s.no), ErrFormat)
	}
	for no := range s.count {
		if no == s.no {
			continue
		}
		p, err := openPart(base + s.suffix(no))
		if err != nil {
			return fmt.Errorf("gguf: %s: part %d of %d: %w", given.path, no+1, s.count, err)
		}
		f.parts = append(f.parts, p)
		if err := p.belongs(s, no); err != nil {
			return err
		}
	}
	f.parts = slices.Insert(f.parts[1:], s.no, given)
	return checkCount(f.parts, s)
}

// belongs checks that a part is number no of the model that s describes.
func (p *part) belongs(s split, no int) error {
	own, err := p.split()
	if err != nil {
		return err
	}
	if own.no != no || own.count != s.count || own.tensors != s.tensors {
		return fmt.Errorf("gguf: %s: says that it is part %d of %d with %d tensors in all, want part %d of %d with %d: renamed or of another model: %w",
			p.path, own.no+1, own.count, own.tensors, no+1, s.count, s.tensors, ErrFormat)
	}
	for key := range p.meta {
		if no > 0 && !strings.HasPrefix(key, "split.") && !strings.HasPrefix(key, "general.") {
			return fmt.Errorf("gguf: %s: key %s: only the first part of a split model has metadata: %w", p.path, quote(key), ErrFormat)
		}
	}
	return nil
}

func checkCount(parts []*part, s split) error {
	have := 0
	for _, p := range parts {
		have += len(p.tensors)
	}
	if s.tensors >= 0 && have != s.tensors {
		return fmt.Errorf("gguf: %s: %d tensors in %d parts, split.tensors.count is %d: %w", parts[0].path, have, len(parts), s.tensors, ErrFormat)
	}
	return nil
}
