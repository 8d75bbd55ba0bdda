package spirv

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:generate go run ../shadergen -controls -dir testdata

// control reads the SPIR-V of a shader in testdata.
func control(t testing.TB, name string) []byte {
	code, err := os.ReadFile(filepath.Join("testdata", "spv", name+".spv"))
	require.NoError(t, err)
	return code
}

func parsed(t testing.TB, code []byte) *Module {
	m, err := Parse(code)
	require.NoError(t, err)
	return m
}

// assemble writes instructions behind the header of code.
func assemble(code []byte, instructions []Instruction) []byte {
	var words []uint32
	for _, in := range instructions {
		words = instruction(words, in.Op, in.Operands...)
	}
	return slices.Concat(code[:4*headerWords], littleEndian(words))
}

// littleEndian is the bytes of a module.
func littleEndian(words []uint32) []byte {
	var out []byte
	for _, w := range words {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return out
}

// validator is where spirv-val is, "" where it is not installed.
var validator, _ = exec.LookPath("spirv-val")

// invalid is what spirv-val has against words, nil without it.
func invalid(t *testing.T, words []uint32) error {
	if validator == "" {
		return nil
	}
	file := filepath.Join(t.TempDir(), "module.spv")
	require.NoError(t, os.WriteFile(file, littleEndian(words), 0o600))
	out, err := exec.Command(validator, "--target-env", "vulkan1.1", file).CombinedOutput()
	t.Logf("%s", out)
	return err
}

// validate fails for words that are invalid.
func validate(t *testing.T, words []uint32) { assert.NoError(t, invalid(t, words)) }

func TestControlsAreFresh(t *testing.T) {
	for _, r := range records {
		assert.NoError(t, r.Check("testdata"))
	}
}

func TestParseKeepsEveryWord(t *testing.T) {
	code := control(t, "exact")
	assert.Equal(t, code, assemble(code, parsed(t, code).Instructions))
}

func TestParseHeader(t *testing.T) {
	code := control(t, "exact")
	change := func(word int, value uint32) []byte {
		out := slices.Clone(code)
		binary.LittleEndian.PutUint32(out[4*word:], value)
		return out
	}
	tests := []struct {
		name string
		code []byte
		want string
	}{
		{"empty", nil, "spirv: 0 bytes are no module"},
		{"short", code[:16], "spirv: 16 bytes are no module"},
		{"odd", code[:len(code)-1], "are no module"},
		{"magic", change(0, 0x03022307), "spirv: magic number 0x03022307, want 0x07230203"},
		{"huge bound", change(3, 1<<31), "spirv: id bound 2147483648, at most 4194303"},
		{"small bound", change(3, 2), "out of bound 2"},
		{"empty instruction", change(5, 17), "spirv: word 5: OpCapability of 0 words"},
		{"long instruction", change(5, 0xffff<<16|17), "spirv: word 5: OpCapability of 65535 words"},
		{"short instruction", change(5, 1<<16|17), "spirv: word 5: OpCapability of 1 words, want 2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.code)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

// read does all that the package can with code.
func read(code []byte) (*Reflection, error) {
	m, err := Parse(code)
	if err != nil {
		return nil, err
	}
	for _, finding := range Lint(m) {
		_ = finding.String()
	}
	_ = m.WithFloatModes(RoundingModeRTE, DenormPreserve)
	if _, err := m.Requirements(map[uint32]uint32{0: 64}); err != nil {
		return nil, err
	}
	if _, err := m.Prune(map[uint32]uint32{0: 64}); err != nil {
		return nil, err
	}
	return Reflect(m)
}

func TestTruncatedModules(t *testing.T) {
	code := control(t, "exact")
	whole, err := read(code)
	require.NoError(t, err)
	for n := range len(code) {
		// Reflect sees declarations only, so a cut behind them may pass.
		if r, err := read(code[:n]); err == nil {
			require.Equal(t, whole, r, "%d bytes", n)
		}
	}
}

// TestCorruptedModules changes words at random: nothing may panic.
func TestCorruptedModules(t *testing.T) {
	code := control(t, "exact")
	random := rand.New(rand.NewPCG(1, 2))
	failed := 0
	for range 20_000 {
		broken := slices.Clone(code)
		for range 1 + random.IntN(3) {
			at := 4 * (headerWords + random.IntN(len(code)/4-headerWords))
			word := binary.LittleEndian.Uint32(broken[at:])
			values := []uint32{random.Uint32(), random.Uint32N(100), word + 1, word - 1, word ^ 1<<random.IntN(32)}
			binary.LittleEndian.PutUint32(broken[at:], values[random.IntN(len(values))])
		}
		if _, err := read(broken); err != nil {
			failed++
		}
	}
	assert.Greater(t, failed, 5_000)
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"exact", "multiply", "double", "groupsum"} {
		f.Add(control(f, name))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, code []byte) {
		r, err := read(code)
		assert.Equal(t, err == nil, r != nil)
	})
}
