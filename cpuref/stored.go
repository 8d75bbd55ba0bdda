package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// source says where score and weighted_sum find the rows of tokens.
type source struct {
	ring                                 uint32 // 1: the recent window, 0: pages
	heads                                uint64
	pageTokens, groupsPerToken, rowFirst uint64 // of pages
	ringTokens                           uint64
	ringStride, ringFirst                uint32
}

// stored are the rows of tokens begin..end-1 of a frame.
type stored struct {
	l     shaders.Layout
	s     source
	f     frame
	in    buffer
	page0 uint64  // number of the first page in pages
	pages []*Page // those with a token of begin..end-1
}

// openStored checks the arguments and parses the pages, of which pageOf chooses
// K or V.
func openStored(l shaders.Layout, s source, f frame, in buffer, pageOf func(shaders.FramePages) uint32) *stored {
	st := &stored{l: l, s: s, f: f, in: in}
	checkWhole(in)
	switch s.ring {
	case 0:
		st.checkPages()
		st.openPages(pageOf)
	case 1:
		st.checkRing()
	default:
		in.fail("ring %d: must be 0 or 1", s.ring)
	}
	return st
}

func (st *stored) checkRing() {
	if n := st.f.end - min(st.f.begin(), st.f.end); n > st.s.ringTokens {
		st.in.fail("%d tokens of a recent window of %d", n, st.s.ringTokens)
	}
	st.in.checkAligned(st.s.ringFirst, st.s.ringStride)
}

func (st *stored) checkPages() {
	s, rows := st.s, uint64(st.l.Rows)
	switch {
	case s.pageTokens == 0 || s.pageTokens > shaders.MaxPage:
		st.in.fail("pages of %d tokens: must be 1 to %d", s.pageTokens, shaders.MaxPage)
	case s.groupsPerToken == 1 && s.rowFirst+s.heads > rows:
		st.in.fail("%d rows from row %d: a group has %d", s.heads, s.rowFirst, rows)
	case s.groupsPerToken != 1 && rows != 1:
		st.in.fail("%d groups a token of %d rows: must be one, or of one row", s.groupsPerToken, rows)
	case s.groupsPerToken != 1 && s.rowFirst+s.heads > s.groupsPerToken:
		st.in.fail("%d groups from group %d: a token has %d", s.heads, s.rowFirst, s.groupsPerToken)
	}
}

func (st *stored) openPages(pageOf func(shaders.FramePages) uint32) {
	f, n := st.f, st.s.pageTokens
	if f.begin() >= f.end {
		return
	}
	st.page0 = (f.begin() - f.first) / n
	for i := st.page0; i <= (f.end-1-f.first)/n; i++ {
		pair := jobAt(f.words, shaders.FrameWords, shaders.FramePagesWords, i, shaders.ParseFramePages)
		st.pages = append(st.pages, openAt(st.l, st.in, pageOf(pair), int(n*st.s.groupsPerToken)))
	}
}

// storedRow is a raw row, or the row of a quantized group of a page.
type storedRow struct {
	st           *stored
	bits         uint8
	words        []uint32
	page         *Page // nil for a row of the recent window
	group, index int   // its group in the page, its place in the group
}

// rowOf returns the row of a KV head of a token.
func (st *stored) rowOf(t, h uint64) storedRow {
	if st.s.ring == 1 {
		words := uint64(st.l.RawRowWords())
		in := st.in.span(uint64(st.s.ringFirst)+t%st.s.ringTokens*uint64(st.s.ringStride)+h*words, words)
		return storedRow{st: st, bits: shaders.Raw, words: in}
	}
	i := t - st.f.first
	page := st.pages[i/st.s.pageTokens-st.page0]
	group, index := int(i%st.s.pageTokens*st.s.groupsPerToken), int(st.s.rowFirst+h)
	if st.s.groupsPerToken != 1 {
		group, index = group+index, 0
	}
	return storedRow{st, page.Bits[group], page.Row(group, index), page, group, index}
}

// loadRaw writes the bounded values of a raw row.
func (r storedRow) loadRaw(x []float32) {
	in := elements{r.st.l.Type, r.words}
	for d := range x {
		x[d] = bound(loadFinite(in.typ, in.at(d)))
	}
}

// codeRange returns what turns the row's codes into values.
func (r storedRow) codeRange() codeRange {
	low, high, _ := r.page.Range(r.group)
	return rangeOf(low, high)
}

// outliers calls visit for each outlier of the row, in the order of listing,
// with its element of the row and its bounded value.
func (r storedRow) outliers(visit func(d int, low bool, x float32)) {
	l := r.st.l
	for j := range l.Outliers() {
		index, element := r.page.Outlier(r.group, j)
		if index >= l.Group() {
			r.st.in.fail("outlier %d of group %d: index %d: must be below %d", j, r.group, index, l.Group())
		}
		if d := index - r.index*l.HeadDim; d >= 0 && d < l.HeadDim {
			visit(d, j < l.Low, bound(loadFinite(l.Type, element)))
		}
	}
}
