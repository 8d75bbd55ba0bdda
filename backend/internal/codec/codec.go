// Package codec is what the pages of a cache are written and read with. A cache
// has one codec; a page's header says which.
package codec

import (
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/internal/core"
	"github.com/qaqvk/qaqvk/backend/internal/pages"
)

// Codec sizes, rewrites and decodes pages. Bits are those of groups as the page
// table's mirror has them.
type Codec interface {
	// PageWords is the size of a page whose groups have the given bits.
	PageWords(p pages.ID, bits []uint8) int

	// RewriteWords are the plan words of n pages, of so many layer groups, in a dispatch
	// of Rewrite.
	RewriteWords(n, layerGroups int, promote bool) int
	// Rewrite records that pages get other bits, or, if promote is set, more with
	// what supply has of each. All lie in src and go to dst.
	Rewrite(l *device.List, plan *core.Room, list []Rewrite, promote bool, src, dst, supply device.Buffer)

	// SupplyWords are the words that a group lacks.
	SupplyWords(p pages.ID, from, to uint8) int
	// RangeWords are the words of a page, from its word RangesAt on, that Supply
	// needs of all its groups; 0: none.
	RangeWords() int
	RangesAt() int
	// Supplier computes what groups lack. It is for one goroutine.
	Supplier() Supplier

	// DecodeWords are the plan words of n pages in a dispatch of Decode.
	DecodeWords(n int) int
	// Decode records that the rows of a layer in pages go to rows of a type, each
	// page's from word Rows of the view on, stride words from token to token.
	Decode(l *device.List, plan *core.Room, list []Decode, layer int, out uint32, stride int, src device.Buffer, rows device.View)
}

// Supplier computes what groups lack, of pages that follow each other fastest.
type Supplier interface {
	// Supply writes to out what a group lacks, from its rows as they were appended
	// and the ranges of its page, and returns how many words that are.
	Supply(p pages.ID, group int, ranges, rows []uint32, from, to uint8, out []uint32) (int, error)
}

// Rewrite is a page that is written anew.
type Rewrite struct {
	pages.ID
	From, To int     // words in src and in dst
	Bits     []uint8 // the new ones
	Supply   int     // where in supply what it lacks begins
}

// Decode is a page that is decoded.
type Decode struct {
	pages.ID
	At, Rows int // words in src and in the view of rows
}
