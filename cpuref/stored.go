package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// source says where score and weighted_sum find the rows of tokens.
type source struct {
	ring                                 uint32 // 1: the recent window, 0: pages
	heads                                uint64
	pageTokens, groupsPerToken, rowFirst uint64 // of pages
	slots                                uint64 // of the recent window
	slotWords, rowsAt                    uint32
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

// openStored checks the arguments and parses the pages, whose offsets are word
// which, 0 for K and 1 for V, of the frame's pairs.
func openStored(l shaders.Layout, s source, f frame, in buffer, which int) (*stored, error) {
	st := &stored{l: l, s: s, f: f, in: in}
	if err := checkWhole(in); err != nil {
		return nil, err
	}
	switch s.ring {
	case 0:
		if err := st.checkPages(); err != nil {
			return nil, err
		}
		return st, st.openPages(which)
	case 1:
		return st, st.checkRing()
	}
	return nil, argument(in.kernel, "ring %d: must be 0 or 1", s.ring)
}

func (st *stored) checkRing() error {
	if n := st.f.end - min(st.f.begin(), st.f.end); n > st.s.slots {
		return argument(st.in.kernel, "%d tokens of a recent window of %d", n, st.s.slots)
	}
	return checkAligned(st.in.kernel, st.s.rowsAt, st.s.slotWords)
}

func (st *stored) checkPages() error {
	s, rows := st.s, uint64(st.l.Rows)
	switch {
	case s.pageTokens == 0 || s.pageTokens > shaders.MaxPage:
		return argument(st.in.kernel, "pages of %d tokens: must be 1 to %d", s.pageTokens, shaders.MaxPage)
	case s.groupsPerToken == 1 && s.rowFirst+s.heads > rows:
		return argument(st.in.kernel, "%d rows from row %d: a group has %d", s.heads, s.rowFirst, rows)
	case s.groupsPerToken != 1 && rows != 1:
		return argument(st.in.kernel, "%d groups a token of %d rows: must be one, or of one row", s.groupsPerToken, rows)
	case s.groupsPerToken != 1 && s.rowFirst+s.heads > s.groupsPerToken:
		return argument(st.in.kernel, "%d groups from group %d: a token has %d", s.heads, s.rowFirst, s.groupsPerToken)
	}
	return nil
}

func (st *stored) openPages(which int) error {
	f, n := st.f, st.s.pageTokens
	if f.begin() >= f.end {
		return nil
	}
	st.page0 = (f.begin() - f.first) / n
	for i := st.page0; i <= (f.end-1-f.first)/n; i++ {
		pair, err := f.plan.span(shaders.FrameWords+shaders.FramePagesWords*i, shaders.FramePagesWords)
		if err != nil {
			return err
		}
		page, err := openAt(st.l, st.in, pair[which], int(n*st.s.groupsPerToken))
		if err != nil {
			return err
		}
		st.pages = append(st.pages, page)
	}
	return nil
}

// storedRow is a raw row, or the row of a quantized group of a page.
type storedRow struct {
	kernel       string
	l            shaders.Layout
	bits         uint8
	words        []uint32
	page         *Page // nil for a row of the recent window
	group, index int   // its group in the page, its place in the group
}

// row returns the row of a KV head of a token.
func (st *stored) row(t, h uint64) (storedRow, error) {
	if st.s.ring == 1 {
		words := uint64(st.l.RawRowWords())
		in, err := st.in.span(uint64(st.s.rowsAt)+t%st.s.slots*uint64(st.s.slotWords)+h*words, words)
		return storedRow{kernel: st.in.kernel, l: st.l, bits: shaders.Raw, words: in}, err
	}
	i := t - st.f.first
	page := st.pages[i/st.s.pageTokens-st.page0]
	group, index := int(i%st.s.pageTokens*st.s.groupsPerToken), int(st.s.rowFirst+h)
	if st.s.groupsPerToken != 1 {
		group, index = group+index, 0
	}
	return storedRow{st.in.kernel, st.l, page.Bits[group], page.Row(group, index), page, group, index}, nil
}

// raw writes the bounded values of a raw row.
func (r storedRow) raw(x []float32) {
	in := elements{r.l.Type, r.words}
	for d := range x {
		x[d] = bound(finite(in.typ, in.at(d)))
	}
}

// quantizer returns what turns the row's codes into values.
func (r storedRow) quantizer() quantizer {
	min, max, _ := r.page.Range(r.group)
	return newQuantizer(min, max)
}

// outliers calls visit for each outlier of the row, in the order of listing,
// with its element of the row and its bounded value.
func (r storedRow) outliers(visit func(d int, low bool, x float32)) error {
	first := r.index * r.l.HeadDim
	for k := range r.l.Outliers() {
		index, element := r.page.Outlier(r.group, k)
		if index >= r.l.Group() {
			return argument(r.kernel, "outlier %d of group %d: index %d: must be below %d", k, r.group, index, r.l.Group())
		}
		if d := index - first; d >= 0 && d < r.l.HeadDim {
			visit(d, k < r.l.Low, bound(finite(r.l.Type, element)))
		}
	}
	return nil
}
