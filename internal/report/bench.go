package report

// Bench is the result of `qaqvk bench`.
type Bench struct {
	Device     string        `json:"device"`
	Driver     string        `json:"driver"`
	CopyUnitMs float64       `json:"copy_unit_ms"` // 64 MiB by the copy kernel; median over all copies of the run
	Results    []BenchResult `json:"results"`
}

// BenchResult is one case. Times are medians.
type BenchResult struct {
	Name     string             `json:"name"`
	Units    float64            `json:"units"`      // wall time over the copy unit of this run
	Ms       float64            `json:"ms"`         // wall time from submission to the end of waiting
	DeviceMs map[string]float64 `json:"kernels_ms"` // time on the device by kernel, where it has timestamps
	Bytes    int64              `json:"page_bytes"` // bytes of the pages that the case made or read
}
