package shaders

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/spirv"
)

// sourceNames are the base names of the GLSL files.
func sourceNames(t *testing.T) []string {
	paths, err := filepath.Glob("*.comp")
	require.NoError(t, err)
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimSuffix(path, ".comp"))
	}
	return names
}

func TestKernelsAreFresh(t *testing.T) {
	var recorded []string
	for _, r := range records {
		recorded = append(recorded, r.Name)
		assert.NoError(t, r.Check("."))
	}
	assert.Equal(t, sourceNames(t), recorded)
}

func TestEveryKernelHasItsPartners(t *testing.T) {
	for _, name := range sourceNames(t) {
		assert.FileExists(t, filepath.Join("..", "cpuref", name+".go"))
		assert.FileExists(t, filepath.Join("..", "conformance", name+".go"))
	}
}

func TestAll(t *testing.T) {
	var names []string
	for _, k := range All() {
		names = append(names, k.Name)
		assert.Same(t, k, ByName(k.Name))
		assert.Equal(t, k.Name, k.String())
	}
	assert.Equal(t, sourceNames(t), names)
	assert.Same(t, Encode, ByName("encode"))
	assert.Nil(t, ByName("Encode"))
}

func TestKernelsKeepTheNumericContract(t *testing.T) {
	for _, k := range All() {
		m, err := spirv.Parse(k.SPIRV)
		require.NoError(t, err, k.Name)
		assert.Empty(t, spirv.Lint(m), k.Name)
	}
}

func TestDescriptionsAreThoseOfTheSPIRV(t *testing.T) {
	for _, k := range All() {
		t.Run(k.Name, func(t *testing.T) {
			m, err := spirv.Parse(k.SPIRV)
			require.NoError(t, err)
			r, err := spirv.Reflect(m)
			require.NoError(t, err)
			want := &Kernel{Name: k.Name, SPIRV: k.SPIRV, PushSize: r.PushSize()}
			for _, b := range r.Bindings {
				want.Bindings = append(want.Bindings, Binding(b))
			}
			for _, f := range r.Push {
				want.Push = append(want.Push, Field(f))
			}
			for _, c := range r.Constants {
				want.Constants = append(want.Constants, Constant(c))
			}
			assert.Equal(t, want, k)
		})
	}
}

func TestCommittedSPIRVIsEmbedded(t *testing.T) {
	for _, k := range All() {
		code, err := os.ReadFile(filepath.Join("spv", k.Name+".spv"))
		require.NoError(t, err)
		assert.Equal(t, code, k.SPIRV, k.Name)
	}
}

// fill gives the 32-bit fields of a struct the values first, first+1, ...
func fill[T any](first int) T {
	var s T
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Float32 {
			f.SetFloat(float64(first + i))
		} else {
			f.SetUint(uint64(first + i))
		}
	}
	return s
}

// checkPush walks push constants there and back.
func checkPush[T interface{ Bytes() []byte }](t *testing.T, k *Kernel, parse func([]byte) T) {
	t.Helper()
	p := fill[T](5)
	b := p.Bytes()
	assert.NoError(t, k.CheckPush(b))
	assert.Equal(t, p, parse(b))
	for i, f := range k.Push {
		word := pushWord(b, int(f.Offset/4))
		if f.Float {
			word = uint32(math.Float32frombits(word))
		}
		assert.Equal(t, uint32(5+i), word, "%s.%s", k.Name, f.Name)
	}
	assert.Zero(t, parse(nil))
	assert.Error(t, k.CheckPush(b[:len(b)-1]))
}

func TestSpec(t *testing.T) {
	s := fill[Spec](9)
	for _, k := range All() {
		words := s.Words(k)
		assert.NoError(t, k.CheckSpec(words))
		for i, w := range words {
			assert.EqualValues(t, 9+i, w, "%s.%s", k.Name, k.Constants[i].Name)
		}
		assert.Error(t, k.CheckSpec(words[1:]))
	}
	assert.Equal(t, s, ParseSpec(s.Words(Encode)))
	assert.Equal(t, Spec{Workgroup: 9}, ParseSpec(s.Words(Copy)))
}

func TestPush(t *testing.T) {
	checkPush(t, Convert, ParseConvertPush)
	checkPush(t, Copy, ParseCopyPush)
	checkPush(t, ChooseBits, ParseChooseBitsPush)
	checkPush(t, Decode, ParseDecodePush)
	checkPush(t, Encode, ParseEncodePush)
	checkPush(t, Pack, ParsePackPush)
	checkPush(t, Probe, ParseProbePush)
	checkPush(t, Promote, ParsePromotePush)
	checkPush(t, Repack, ParseRepackPush)
}

func TestChecksNameSizes(t *testing.T) {
	assert.EqualError(t, Copy.CheckPush(nil), "shaders: copy: push constants of 0 bytes, want 4")
	assert.EqualError(t, Copy.CheckSpec(nil), "shaders: copy: 0 specialization values, want 1")
}
