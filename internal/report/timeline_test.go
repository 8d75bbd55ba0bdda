package report

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend"
)

func TestTimelineIsInMicrosecondsFromTheFirstSpan(t *testing.T) {
	var line Timeline
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(us int) time.Time { return start.Add(time.Duration(us) * time.Microsecond) }
	line.Add(backend.Span{Name: "move", Track: backend.AdaptationDevice, Start: at(1500), End: at(4000)})
	line.Add(backend.Span{Name: "attend", Track: backend.Calls, Start: at(0), End: at(2750)})
	path := filepath.Join(t.TempDir(), "timeline.json")
	require.NoError(t, line.Write(path))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"name":"thread_name","ph":"M","pid":1,"tid":0,"ts":0,"dur":0,"args":{"name":"calls"}},
		{"name":"thread_name","ph":"M","pid":1,"tid":1,"ts":0,"dur":0,"args":{"name":"calls, device"}},
		{"name":"thread_name","ph":"M","pid":1,"tid":2,"ts":0,"dur":0,"args":{"name":"adaptation"}},
		{"name":"thread_name","ph":"M","pid":1,"tid":3,"ts":0,"dur":0,"args":{"name":"adaptation, device"}},
		{"name":"move","ph":"X","pid":1,"tid":3,"ts":1500,"dur":2500},
		{"name":"attend","ph":"X","pid":1,"tid":0,"ts":0,"dur":2750}]`, string(got))
	require.ErrorContains(t, line.Write(filepath.Join(t.TempDir(), "no", "file")), "no such file")
}
