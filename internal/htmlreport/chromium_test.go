//go:build chromium

package htmlreport

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/recording"
	"github.com/qaqvk/qaqvk/internal/similar"
)

var update = flag.Bool("update", false, "write the pictures of pages anew")

// reader is a browser that shows the page of the sample.
type reader struct {
	t   *testing.T
	ctx context.Context
	m   *measured
}

func newReader(t *testing.T) *reader {
	r, err := recording.Load("../recording/testdata/smollm2.qaqrec")
	require.NoError(t, err)
	html, err := Page(r, "")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "r.html")
	require.NoError(t, os.WriteFile(file, html, 0o644))
	m, err := measure(r)
	require.NoError(t, err)

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath(cmp.Or(os.Getenv("QAQVK_CHROMIUM"), "chromium-headless-shell")))
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &reader{t, ctx, m}
	b.do(chromedp.EmulateViewport(1000, 900))
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `window.failed = []; addEventListener("error", (e) => failed.push(e.message))`})
	b.do(chromedp.Navigate("file://" + file))
	return b
}

func (b *reader) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

// call calls the browser.
func call[P, R any](b *reader, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, command, params)
	require.NoError(b.t, err)
	return r
}

// value is that of an expression of the page.
func value[T any](b *reader, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return v
}

// shot is a picture of an element.
func (b *reader) shot(selector string) []byte {
	b.t.Helper()
	r := value[[]float64](b, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.x + scrollX, r.y + scrollY, r.width, r.height] })()`, selector))
	return call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: ptr(true), Clip: &page.Viewport{X: r[0], Y: r[1], Width: r[2], Height: r[3], Scale: 1}}).Data
}

// click clicks on an element.
func (b *reader) click(selector string) {
	b.t.Helper()
	x, y := b.middle(selector)
	b.do(chromedp.MouseClickXY(x, y))
}

// middle is the middle of an element on the screen.
func (b *reader) middle(selector string) (x, y float64) {
	at := value[[]float64](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()`, selector))
	return at[0], at[1]
}

// A page in a browser: nothing is fetched, nothing fails, the map is as it was, it can be
// zoomed, text is under the pointer, and it can be read in the dark and on paper.
func TestPageInChromium(t *testing.T) {
	b := newReader(t)
	require.Equal(t, 0, value[int](b, `performance.getEntriesByType("resource").length`), "files that were fetched")
	require.Less(t, value[float64](b, `document.documentElement.scrollWidth`), 1001.0, "no wider than the screen")
	whole := b.shot("#map")
	picture, err := png.Decode(bytes.NewReader(whole))
	require.NoError(t, err)
	like, err := similar.ToFile(picture, "testdata/map.png", *update)
	require.NoError(t, err)
	require.Greater(t, like, 0.95)

	x, y := b.middle("#map")
	hover := func() string {
		b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
		require.Equal(t, "visible", value[string](b, `document.getElementById("tip").style.visibility`))
		return value[string](b, `document.getElementById("tip").textContent`)
	}
	b.requireTip(hover())
	for range 6 {
		call(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseWheel, X: x, Y: y, DeltaX: 0.5, DeltaY: -100})
	}
	b.requireTip(hover())
	require.False(t, bytes.Equal(whole, b.shot("#map")), "zoomed")
	b.click(`button[data-kind="k"]`)
	b.click(`button[data-zoom="0"]`)
	require.Equal(t, "true", value[string](b, `document.querySelector('button[data-kind="k"]').getAttribute("aria-pressed")`))
	require.True(t, bytes.Equal(whole, b.shot("#map")), "the whole again: a profile gives K and V of a token the same level")
	b.click(`button[data-kind="both"]`)
	b.click(`#text span[data-t="40"]`)

	media := func(kind, scheme string) {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	}
	paper := func() string { return value[string](b, `getComputedStyle(document.body).backgroundColor`) }
	media("", "light")
	require.Equal(t, "rgb(255, 255, 255)", paper())
	media("", "dark")
	require.Equal(t, "rgb(22, 24, 28)", paper())
	media("print", "dark")
	require.Equal(t, "rgb(255, 255, 255)", paper())
	require.Equal(t, "none", value[string](b, `getComputedStyle(document.querySelector(".tools")).display`))
	media("", "light")
	pdf := call(b, page.PrintToPDF, page.PrintToPDFParams{PrintBackground: ptr(true)})
	require.Equal(t, "%PDF-", string(pdf.Data[:5]))
	require.Greater(t, bytes.Count(pdf.Data, []byte("/Type /Page\n")), 3, "pages of paper")
	require.Empty(t, value[[]string](b, `failed`))
}

// requireTip compares the text under the pointer with the recording.
func (b *reader) requireTip(tip string) {
	b.t.Helper()
	var token, layer int
	_, err := fmt.Sscanf(tip, "token %d,", &token)
	require.NoError(b.t, err, tip)
	at := bytes.Index([]byte(tip), []byte("\nlayer "))
	require.Positive(b.t, at, tip)
	_, err = fmt.Sscanf(tip[at+1:], "layer %d:", &layer)
	require.NoError(b.t, err, tip)
	cell := b.m.Cell(recording.Keys, layer, layer+1, token, token+1)
	want := fmt.Sprintf("level of K %.1f, V ", cell.Mean)
	if cell.Raw > .5 {
		want = "level of K as it came, V "
	}
	require.Contains(b.t, tip, want)
	require.Contains(b.t, tip, b.m.Tokens[token].Text)
	require.Contains(b.t, tip, fmt.Sprintf("%.0f bytes in all layers", b.m.TokenBytes(recording.Both, token)))
}

func ptr[T any](v T) *T { return &v }
