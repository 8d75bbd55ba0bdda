package backend

import (
	"cmp"
	"errors"
	"iter"
	"maps"
	"slices"
)

// sorted goes over a map in the order of its keys, so that recordings repeat.
func sorted[K cmp.Ordered, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// joinErrors keeps a single error as it is, so that its text stays one line.
func joinErrors(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}
