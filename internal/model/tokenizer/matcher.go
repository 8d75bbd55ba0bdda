package tokenizer

import (
	"cmp"
	"slices"
	"sort"
)

// maxSpecial is the most bytes of a control or user-defined token; the longest
// in use are some hundred spaces.
const maxSpecial = 512

// entry is a text that is a token of its own.
type entry struct {
	text string
	id   int
}

// matcher finds texts, which may be any bytes, at the start of another one.
type matcher struct {
	entries []entry   // sorted by text
	first   [256]bool // bytes that a text begins with
}

func newMatcher(entries []entry) matcher {
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.text, b.text) })
	m := matcher{entries: entries}
	for _, e := range entries {
		m.first[e.text[0]] = true
	}
	return m
}

// next returns where in s a text is found first, the longest there; length 0
// and the end of s where none is.
func (m *matcher) next(s string) (at, id, length int) {
	for at < len(s) {
		if id, length = m.longest(s[at:]); length > 0 {
			return at, id, length
		}
		at++
	}
	return at, 0, 0
}

// longest returns the token and length of the longest text that s begins with,
// length 0 where there is none. It narrows the sorted texts byte by byte.
func (m *matcher) longest(s string) (id, length int) {
	if s == "" || !m.first[s[0]] {
		return 0, 0
	}
	left := m.entries
	for n := 0; n < len(s) && len(left) > 0; n++ {
		left = withByte(left, n, s[n])
		if len(left) > 0 && len(left[0].text) == n+1 {
			id, length = left[0].id, n+1
		}
	}
	return id, length
}

// withByte returns the entries whose byte n is c; all agree before it.
func withByte(sorted []entry, n int, c byte) []entry {
	reaches := func(c int) int {
		return sort.Search(len(sorted), func(i int) bool {
			return len(sorted[i].text) > n && int(sorted[i].text[n]) >= c
		})
	}
	return sorted[reaches(int(c)):reaches(int(c)+1)]
}
