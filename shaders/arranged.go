package shaders

// Arranged says where the queries of a dispatch of attention over records lie, in
// words from the first tile of arrange_queries on.
type Arranged struct {
	Records   Records
	Tiles     int // of all KV heads of the dispatch
	Queries   int // vectors of a tile
	Pages     int // pages that have products with means
	Stretches int // stretches that have coded tiles
}

// TablesAt is where the record tables of K and of V begin.
func (a Arranged) TablesAt() int { return a.Tiles * TileWords(a.Records.HeadDim, a.Queries) }

// CodedAt is where the coded tiles begin.
func (a Arranged) CodedAt() int { return a.TablesAt() + 2*a.Records.TableWords() }

// MeansAt is where the products with means begin.
func (a Arranged) MeansAt() int { return a.CodedAt() + a.Tiles*a.Stretches*a.Records.HeadDim*a.Queries }

// StretchesOf returns how many stretches have tokens from first on, before end.
func StretchesOf(first, end int) int { return words(end, StretchTokens) - first/StretchTokens }

// Words is the end, a multiple of Align.
func (a Arranged) Words() int { return AlignWords(a.MeansAt() + a.Tiles*a.Pages*a.Queries) }

// RecordPartialsWords are the words of the partials of so many splits of all query
// vectors of a dispatch: raw sums, coded sums, masses.
func RecordPartialsWords(headDim, splits, vectors int) int { return splits * vectors * (2*headDim + 1) }
