package cpuref

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/qaqvk/qaqvk/shaders"
)

// Text prints the page: its size, the places and words of its parts, the bits of
// each token, and bits, range, codes and outliers of each group. A token has so
// many groups, 1 or more.
func (p *Page) Text(groupsPerToken int) string {
	var b strings.Builder
	l, n := p.Layout, p.Len()
	fmt.Fprintf(&b, "page version %d, %s, %d bytes: %d groups of %d x %d elements, %d of which cannot be quantized\n",
		p.Words[0]&0xffff, typeName(l.Type), 4*len(p.Words), n, l.Rows, l.HeadDim, p.Words[3])
	if elements := n * l.Group(); elements > 0 {
		fmt.Fprintf(&b, "%.3g bits an element, all parts included; %d as it came\n",
			float64(32*len(p.Words))/float64(elements), 8*l.ElementBytes())
	}
	b.WriteString("\n" + table(p.parts()) + "\n" + table(p.tokens(groupsPerToken)) + "\n" + table(p.groups()))
	return b.String()
}

// parts are the rows of a table of the page's parts.
func (p *Page) parts() []string {
	l, n := p.Layout, p.Len()
	rows := []string{"part\tfrom word\twords"}
	for _, part := range []struct {
		name     string
		from, to int
	}{
		{"header", 0, shaders.HeaderWords},
		{"bits", shaders.HeaderWords, l.RangesAt(n)},
		{"ranges", l.RangesAt(n), l.OutlierValuesAt(n)},
		{"outlier values", l.OutlierValuesAt(n), l.OutlierIndicesAt(n)},
		{"outlier indices, padding", l.OutlierIndicesAt(n), l.PageHeaderWords(n)},
		{"codes", l.PageHeaderWords(n), len(p.Words)},
	} {
		rows = append(rows, fmt.Sprintf("%s\t%d\t%d", part.name, part.from, part.to-part.from))
	}
	return rows
}

// tokens are the rows of a table of the bits of each token's groups.
func (p *Page) tokens(groupsPerToken int) []string {
	rows, token := []string{"token\tbits of its groups"}, 0
	for bits := range slices.Chunk(p.Bits, groupsPerToken) {
		var names []string
		for _, b := range bits {
			names = append(names, bitsName(b))
		}
		rows = append(rows, fmt.Sprintf("%d\t%s", token, strings.Join(names, " ")))
		token++
	}
	return rows
}

// groups are the rows of a table of all groups.
func (p *Page) groups() []string {
	rows := []string{"group\tbits\tmin\tmax\twords\tlow outliers\thigh outliers"}
	for g, bits := range p.Bits {
		low, high, quantizes := p.Range(g)
		row := fmt.Sprintf("%d\t%s\t-\t-\t%d\t-\t-", g, bitsName(bits), len(p.Codes(g)))
		if quantizes {
			row = fmt.Sprintf("%d\t%s\t%s\t%s\t%d\t%s\t%s", g, bitsName(bits), decimal(low), decimal(high), len(p.Codes(g)),
				p.outlierNames(g, 0, p.Layout.Low), p.outlierNames(g, p.Layout.Low, p.Layout.Outliers()))
		}
		rows = append(rows, row)
	}
	return rows
}

// shownOutliers are as many outliers of an end as are printed.
const shownOutliers = 4

// outlierNames are the outliers from..to-1 of group g as index=value.
func (p *Page) outlierNames(g, from, to int) string {
	var names []string
	for k := from; k < min(to, from+shownOutliers); k++ {
		index, element := p.Outlier(g, k)
		names = append(names, fmt.Sprintf("%d=%s", index, decimal(Load(p.Layout.Type, element))))
	}
	if more := to - from - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	if names == nil {
		return "-"
	}
	return strings.Join(names, " ")
}

// typeName is the name of an element type.
func typeName(typ uint32) string { return [...]string{"f32", "f16", "bf16"}[typ] }

// bitsName is a bit width, raw or evicted.
func bitsName(b uint8) string {
	switch b {
	case shaders.Raw:
		return "raw"
	case shaders.Evicted:
		return "evicted"
	}
	return strconv.Itoa(int(b))
}

// decimal is the shortest number that is x in f32.
func decimal(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) }

// table aligns rows of cells that tabs separate.
func table(rows []string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	// A strings.Builder takes every write.
	_, _ = w.Write([]byte(strings.Join(rows, "\n") + "\n"))
	_ = w.Flush()
	return b.String()
}
