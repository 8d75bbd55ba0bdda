package cpuref

import "github.com/qaqvk/qaqvk/shaders"

// scoredRow is a K row as scores need it.
type scoredRow struct {
	raw      bool
	x        []float32 // values of a raw row, else codes as signed bytes
	base, s8 float32   // value of the byte 0 and width of a step
	changes  []change  // by outliers, in the order of listing
}

// change is what an outlier adds to the value of element d's code.
type change struct {
	d    int
	more float32
}

// newScoredRow reads a row; x and codes are room for it.
func newScoredRow(row storedRow, x []float32, codes []uint8) (scoredRow, error) {
	r := scoredRow{raw: row.bits == shaders.Raw, x: x}
	if r.raw {
		row.raw(x)
		return r, nil
	}
	b, q := int(row.bits), row.quantizer()
	readRow(row.words, b, codes)
	for d, code := range codes {
		x[d] = signedByte(int(code), b)
	}
	r.s8 = min(q.s8, mostStep)
	middle := float32(128)
	if b > 0 {
		middle += 128 / float32(uint32(1)<<b)
	}
	r.base = bound(q.min + float32(middle*r.s8))
	err := row.outliers(func(d int, low bool, value float32) {
		u := signedByte(1<<b-1, b)
		if low {
			u = signedByte(0, b)
		}
		code := bound(r.base + float32(u*r.s8))
		r.changes = append(r.changes, change{d, flush(value - code)})
	})
	return r, err
}

// signedByte returns u of a code of b bits; all are 0 with b = 0.
func signedByte(code, b int) float32 {
	if b == 0 {
		return 0
	}
	return float32(code<<(8-b) - 128)
}

// score returns the score of a query vector, without a soft cap.
func (r scoredRow) score(q arranged) float32 {
	if r.raw {
		return flush(dot(q.y, r.x))
	}
	score := flush(flush(float32(r.base*q.x)) + flush(float32(r.s8*dot(q.y, r.x))))
	for _, c := range r.changes {
		score = flush(score + flush(float32(q.y[c.d]*c.more)))
	}
	return score
}

// dot sums the products of each chunk, then the chunks.
func dot(y, x []float32) float32 {
	total := float32(0)
	for len(y) > 0 {
		n := min(chunkLength, len(y))
		sum := float32(0)
		for i, z := range x[:n] {
			sum += float32(y[i] * z)
		}
		total += sum
		y, x = y[n:], x[n:]
	}
	return total
}
