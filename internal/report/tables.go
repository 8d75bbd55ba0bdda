package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/qaqvk/qaqvk/vk"
)

// WriteDevices prints a table of devices.
func WriteDevices(w io.Writer, devices []vk.Info) error {
	t := newTable(false)
	t.row("index\tname\ttype\tdriver\tVulkan\tsubgroup\tmemory MiB")
	for _, d := range devices {
		note := ""
		if !d.Compute {
			note = "  no compute queue"
		}
		t.row("%d\t%s\t%s\t%s\t%s\t%d\t%d%s", d.Index, d.Name, d.Type, d.Driver+" "+d.DriverInfo, d.APIVersion, d.SubgroupSize, d.MemoryBytes>>20, note)
	}
	return t.writeTo(w)
}

// WriteBench prints the results of a bench.
func WriteBench(w io.Writer, r *Bench) error {
	if _, err := fmt.Fprintf(w, "device  %s\ndriver  %s\ncopy unit %.3f ms (64 MiB)\n\n", r.Device, r.Driver, r.CopyUnitMs); err != nil {
		return err
	}
	t := newTable(true)
	t.row("units\tms\tpages MiB\t ")
	for _, c := range r.Results {
		t.row("%.2f\t%.2f\t%.2f\t  %s%s", c.Units, c.Ms, float64(c.Bytes)/(1<<20), c.Name, kernelTimes(c.DeviceMs))
	}
	return t.writeTo(w)
}

// kernelTimes is e.g. "  (encode 20.1, pack 3.2 ms on the device)".
func kernelTimes(ms map[string]float64) string {
	if len(ms) == 0 {
		return ""
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(ms)) {
		parts = append(parts, fmt.Sprintf("%s %.2f", k, ms[k]))
	}
	return "  (on the device, ms: " + strings.Join(parts, ", ") + ")"
}
