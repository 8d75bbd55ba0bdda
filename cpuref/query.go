package cpuref

// scaled returns element d of a query row as attention counts it.
func scaled(row elements, d int, scale float32) float32 {
	return cut(float32(loadFinite(row.typ, row.at(d))*scale), mostQuery)
}

// scaleRow writes all elements of a query row to y.
func scaleRow(row elements, scale float32, y []float32) {
	for d := range y {
		y[d] = scaled(row, d, scale)
	}
}

// checkScale fails unless queries can be scaled by it.
func (k kernel) checkScale(scale float32) {
	if !isFinite(scale) {
		k.fail("scale %g: must be finite", scale)
	}
}
