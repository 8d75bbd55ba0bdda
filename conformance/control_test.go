package conformance

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/backend/device"
)

// faultyDevice flips a bit in what every list brings back.
type faultyDevice struct {
	device.Device
	word int // of the arena
}

func (d faultyDevice) Submit(l *device.List) (device.Ticket, error) {
	t, err := d.Device.Submit(l)
	commands := l.Commands()
	commands[len(commands)-1].(*device.Copy).Dst.Words()[d.word] ^= 1
	return t, err
}

func openCPU(t *testing.T) device.Device {
	d, err := device.Open("cpu", device.Options{MinimumLimits: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

// control is a case of its own: rows in, rows out, and words left alone.
var control = Case{
	Name: "control", Kernel: "convert", Seed: 7,
	Params: Params{Type: "f16", Out: "f32", HeadDim: 32, Groups: 3, GroupsPerToken: 1, Lanes: 1, Workgroup: 32, Data: "normal"},
}

func expectedOf(t *testing.T, c Case) (*program, *Expected) {
	p, err := c.build()
	require.NoError(t, err)
	words, err := p.reference()
	require.NoError(t, err)
	return p, &Expected{Cases: map[string]string{c.Name: digestOf(p, words)}}
}

func TestControlsFail(t *testing.T) {
	p, expected := expectedOf(t, control)
	offsets, total := arrange(p)
	src, dst := offsets[0], offsets[1]
	end := dst + len(p.buffers[1].words)
	last := offsets[2] + len(p.buffers[2].words)
	for _, c := range []struct {
		name   string
		word   int
		buffer string
		index  int
	}{
		{"output word", dst + 5, "dst", 5},
		{"output word that no kernel writes", dst, "dst", 0},
		{"last output word", end - 1, "dst", end - 1 - dst},
		{"input word", src + 2, "input src", 2},
		{"guard before the first buffer", src - 1, "guard before src", guardWords - 1},
		{"guard between buffers", dst - 1, "guard before dst", dst - 1 - src - len(p.buffers[0].words)},
		{"guard behind an output", end, "guard before clamped", 0},
		{"counter", offsets[2], "clamped", 0},
		{"guard behind the last buffer", last, "guard after the last buffer", 0},
		{"last guard", total - 1, "guard after the last buffer", total - 1 - last},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := run(t.Context(), faultyDevice{openCPU(t), c.word}, []Case{control}, expected, nil)
			require.NoError(t, err)
			assert.Equal(t, 1, r.Failed)
			require.Len(t, r.Failures, 1)
			f := r.Failures[0]
			assert.Equal(t, c.buffer, f.Buffer)
			assert.Equal(t, c.index, f.Index)
			assert.Len(t, f.Got, 8)
			assert.NotEqual(t, f.Want, f.Got)
			assert.Contains(t, f.Message, f.Got+", want "+f.Want)
		})
	}
}

func TestControlPassesUntouched(t *testing.T) {
	_, expected := expectedOf(t, control)
	r, err := run(t.Context(), openCPU(t), []Case{control}, expected, nil)
	require.NoError(t, err)
	assert.Equal(t, 1, r.Passed)
	assert.Empty(t, r.Failures)
}

func TestWrongDigestFails(t *testing.T) {
	for name, digest := range map[string]string{"stale": "00", "missing": ""} {
		t.Run(name, func(t *testing.T) {
			expected := &Expected{Cases: map[string]string{control.Name: digest}}
			r, err := run(t.Context(), openCPU(t), []Case{control}, expected, nil)
			require.NoError(t, err)
			require.Len(t, r.Failures, 1)
			assert.Contains(t, r.Failures[0].Message, "expected.json is not what the reference gives")
			assert.Empty(t, r.Failures[0].Buffer)
		})
	}
}

func TestBrokenLawFails(t *testing.T) {
	p := &program{}
	a, b := p.input("a", []uint32{1, 2, 3, 4}), p.input("b", []uint32{0, 2, 3, 5})
	p.equal = []equality{{what: "tails", got: a, want: b, gotOffset: 1, wantOffset: 1, of: 2}}
	words := [][]uint32{p.buffers[a].words, p.buffers[b].words}
	require.NoError(t, p.holds(words))
	p.equal[0].of = 3
	assert.EqualError(t, p.holds(words), "tails: a[3] is 00000004, b[3] is 00000005")
}

func TestDigestSeesEveryWord(t *testing.T) {
	p, _ := expectedOf(t, control)
	words, err := p.reference()
	require.NoError(t, err)
	first := digestOf(p, words)
	for _, i := range []int{0, 1, len(words[1]) - 1} {
		words[1][i] ^= 1 << 31
		assert.NotEqual(t, first, digestOf(p, words))
		words[1][i] ^= 1 << 31
	}
	assert.Equal(t, first, digestOf(p, words))
}
