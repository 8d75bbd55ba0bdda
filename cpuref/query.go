package cpuref

// scaled returns element d of a query row as attention counts it.
func scaled(row elements, d int, scale float32) float32 {
	return cut(float32(loadFinite(row.typ, row.at(d))*scale), mostQuery)
}
