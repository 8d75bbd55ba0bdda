package htmlreport

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/recording"
)

// made is a recording of a text of so many tokens, with pages of 16 tokens whose groups
// move now and then.
func made(tokens, layers, groups int) *recording.Recording {
	rng := rand.New(rand.NewPCG(4, 2))
	r := &recording.Recording{Header: recording.Header{Format: recording.Format, Version: recording.Version, Model: "SmolLM2 <b>.gguf", Device: "cpu", Driver: "cpuref",
		Policy: "qaq", Setting: "level head", Layers: layers, Groups: groups, Prompt: tokens / 2, All: tokens,
		Target: recording.Target{KeyError: .005, ValueError: .002}}}
	for k := range r.Header.Bytes {
		for range layers {
			codes := make([]float32, recording.Codes)
			for c := range codes {
				codes[c] = float32(8*c + 10)
			}
			r.Header.Bytes[k] = append(r.Header.Bytes[k], codes)
		}
	}
	stored, moved := 0, int64(0)
	for n := 1; n <= tokens; n++ {
		s := &recording.Step{Micros: int64(n) * 9e4, Tokens: []recording.Token{{ID: n, Text: wordOf(n)}}, Live: int64(n) * 9000, Committed: int64(n)*9900 + 1e6, F16: int64(n) * 23040}
		if n%16 == 10 && n > 16 {
			for k := range 2 {
				for l := range layers {
					s.Runs = append(s.Runs, recording.Run{Kind: k, Layer: l, First: stored * groups, Codes: random(rng, 16*groups, 4+l%5-k)})
					if stored > 0 {
						s.Runs = append(s.Runs, recording.Run{Kind: k, Layer: l, First: rng.IntN(stored * groups), Codes: random(rng, 1, 2)})
						moved++
					}
				}
			}
			stored += 16
			s.Importance = random(rng, stored, 120)
		}
		s.Stored, s.Demoted, s.Promoted = stored, moved, moved/2
		r.Steps = append(r.Steps, s)
	}
	top, kld := .93, .0191
	r.End = &recording.End{Prefill: 44, Decode: 10.5, Top1: &top, KLD: &kld}
	return r
}

func random(rng *rand.Rand, n, mean int) []byte {
	codes := make([]byte, n)
	for i := range codes {
		if codes[i] = byte(max(0, min(mean+rng.IntN(5)-2, 8))); mean > 100 { // importance
			codes[i] = byte(mean + rng.IntN(60))
		}
	}
	return codes
}

func wordOf(n int) string {
	switch n % 9 {
	case 0:
		return ".\n"
	case 4:
		return " <i>&"
	}
	return fmt.Sprint(" word", n)
}

// A page of 2,000 tokens of a model of SmolLM2's shape stays below 2 MiB and needs
// nothing but itself.
func TestPageIsSmallAndWhole(t *testing.T) {
	page, err := Page(made(2000, 30, 3), "")
	require.NoError(t, err)
	require.Less(t, len(page), 2<<20)
	require.Greater(t, len(page), 200_000)
	for _, outside := range []string{"src=", "href=", "@import", "url(", "fetch(", "XMLHttp"} {
		require.False(t, strings.Contains(string(page), outside), outside)
	}
	for _, url := range regexp.MustCompile(`https?://[^"'\s<]+`).FindAllString(string(page), -1) {
		require.Contains(t, url, "www.w3.org/", "a name, not an address")
	}
	again, err := Page(made(2000, 30, 3), "")
	require.NoError(t, err)
	require.True(t, bytes.Equal(page, again))
}

func TestPageHasTheNumbers(t *testing.T) {
	r := made(200, 4, 2)
	r.Steps[100].Target, r.Steps[100].Note = &recording.Target{KeyError: .5, ValueError: .25}, "why not"
	page, err := Page(r, "ends early")
	require.NoError(t, err)
	text := string(page)
	for _, want := range []string{
		"<h1>SmolLM2 &lt;b&gt;.gguf: bits that follow attention</h1>", "Policy qaq: level head. Device cpu, driver cpuref.",
		"<p class=\"missing\">ends early</p>", "<td>100 of the prompt, 100 generated, 176 of all in pages</td>",
		"<td>1.80 MB, 0.391 of f16</td>", "44.0 for the prompt, 10.5 generated", "93.0 % of the positions, KL divergence 0.0191 nats",
		"<td>K 0.5, V 0.25</td>", "why not", "<td>200</td><td>1800000</td><td>2980000</td><td>4608000</td><td>0.391</td>",
	} {
		require.True(t, strings.Contains(text, want), want)
	}
	require.Equal(t, 5, strings.Count(text, "<figure><svg"))
	require.False(t, strings.Contains(text, " <i>&"), "text of tokens is escaped")
	m, err := measure(r)
	require.NoError(t, err)
	d := m.mapData()
	require.Len(t, d.K, 4*176)
	require.True(t, strings.Contains(text, base64.StdEncoding.EncodeToString(d.K[:30])))
	for l := range 4 {
		for _, token := range []int{0, 17, 175} {
			k := m.Codes[0][l][token*2 : token*2+2]
			require.Equal(t, byte(8*(int(k[0])+int(k[1]))), d.K[l*176+token])
		}
	}
	sum := 0
	for _, n := range m.moves() {
		sum += int(n)
	}
	require.Positive(t, sum)
}

// What there is of a text without pages can be shown; nothing cannot.
func TestPageOfShortRecordings(t *testing.T) {
	page, err := Page(made(9, 2, 1), "")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(page), "0 of all in pages"))
	r := made(9, 2, 1)
	r.Steps = nil
	_, err = Page(r, "")
	require.ErrorIs(t, err, recording.ErrTruncated)
}

func TestCells(t *testing.T) {
	require.Equal(t, byte(40), cellByte(recording.Cell{Mean: 2.5}))
	require.Equal(t, byte(rawCell), cellByte(recording.Cell{Raw: .6}))
	require.Equal(t, byte(evictedCell), cellByte(recording.Cell{Evicted: .6}))
}
