// Package names turns the names of enumerated values into values and back.
package names

import (
	"fmt"
	"slices"
)

// Parse returns the index of a name in names. What says in the error what it is
// the name of.
func Parse(what, name string, names []string) (int, error) {
	if i := slices.Index(names, name); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%s %q: must be one of %v", what, name, names)
}

// Of is the name of an index, or what(i) where it has none.
func Of(what string, i int, names []string) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", what, i)
}
