package compileonly

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qaqvk/qaqvk/internal/report"
)

// TestMain makes this binary the process of a chip, too.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		if err := Serve(os.Args[2], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "qaqvk:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// options compile with this binary for a chip.
func options(t *testing.T, chip, filter string) Options {
	self, err := os.Executable()
	require.NoError(t, err)
	return Options{Chips: []string{chip}, Filter: regexp.MustCompile(filter), Command: []string{self, "serve"}}
}

// shell answers for the driver; $1 is the chip.
func shell(t *testing.T, script string) Options {
	o := options(t, "vega10", "^(convert|copy)/?")
	o.Command = []string{"sh", "-c", script, "sh"}
	return o
}

// The kernels that were there before attention, on the poorest chip.
func TestNoSpills(t *testing.T) {
	o := options(t, "polaris10", "^(copy|convert|encode|pack|decode|choose_bits|repack|promote|probe)\\b")
	steps := 0
	o.Progress = func(done, all int, name string) {
		require.LessOrEqual(t, done, all)
		require.Contains(t, name, " for polaris10")
		steps++
	}
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, r.Err())
	require.Contains(t, r.Driver, "radv")
	require.Len(t, r.Pipelines, len(Cases(o.Filter, nil)))
	require.Equal(t, len(r.Pipelines)+1, steps)
	for _, p := range r.Pipelines {
		require.Equal(t, "polaris10", p.Chip)
		require.EqualValues(t, 64, p.SubgroupSize)
		require.EqualValues(t, 8, p.MostSubgroups)
		require.True(t, p.Subgroups >= 1 && p.Subgroups <= p.MostSubgroups, p.Name())
		require.True(t, p.VGPRs > 0 && p.SGPRs > 0 && p.CodeBytes > 0 && p.Latency > 0 && p.InverseThroughput > 0, p.Name())
		require.Zero(t, p.ScratchBytes+p.SpilledVGPRs+p.SpilledSGPRs)
	}
}

// The control: a kernel that needs more registers than there are is found.
func TestSpills(t *testing.T) {
	o := options(t, "gfx1100", "^weighted_sum/f16/d128/a1$")
	o.Tune = map[string]uint32{"weighted_sum.STAGED": 0, "weighted_sum.QUERIES": 16}
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, r.Pipelines, 1)
	require.Positive(t, r.Pipelines[0].SpilledVGPRs)
	require.Positive(t, r.Pipelines[0].ScratchBytes)
	require.ErrorContains(t, r.Err(), "1 of 1 pipelines spill registers or use scratch: weighted_sum/f16/d128/a1 on gfx1100 (")
}

// Results stand by case, then by chip, in the order asked for.
func TestOrder(t *testing.T) {
	o := options(t, "", "^(copy|probe)$")
	o.Chips = []string{"vega10", "polaris10"}
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	var got []string
	for _, p := range r.Pipelines {
		got = append(got, fmt.Sprint(p.Name(), " ", p.Chip, " ", p.MostSubgroups))
	}
	require.Equal(t, []string{"copy vega10 10", "copy polaris10 8", "probe vega10 10", "probe polaris10 8"}, got)
}

func TestRunFails(t *testing.T) {
	missing := shell(t, "")
	missing.Command = []string{"/no/such/program"}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"unknown chip", options(t, "voodoo", "^copy$"), "compile only: voodoo: this RADV does not know the chip"},
		{"nothing selected", options(t, "vega10", "^nothing$"), `compile only: no kernel matches "^nothing$"`},
		{"no program", missing, "compile only: vega10: fork/exec /no/such/program: no such file or directory"},
		{"error", shell(t, "echo noise >&2; echo 'qaqvk: compile only: copy: bad' >&2; exit 1"), "compile only: vega10: copy: bad"},
		{"crash", shell(t, `echo '{}'; echo oh >&2; echo no >&2; echo PC=0 >&2; exit 2`),
			"compile only: vega10: the driver ended the process at convert/f16/d128/a1: exit status 2: oh; no"},
		{"too little", shell(t, "echo '{}'"), "compile only: vega10: convert/f16/d128/a1: result: EOF"},
		{"nonsense", shell(t, "yes | head -c 1000000"), "compile only: vega10: copy: result: invalid character 'y' looking for beginning of value"},
		{"fails at the end", shell(t, "for i in 1 2 3 4 5; do echo '{}'; done; exit 3"),
			"compile only: vega10: the driver ended the process at copy: exit status 3: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Run(t.Context(), c.o)
			require.EqualError(t, err, c.want)
		})
	}
}

// A newer Mesa knows gfx1100 as navi31.
func TestRenamedChip(t *testing.T) {
	o := shell(t, `if [ "$1" = gfx1100 ]; then echo "radv: Unknown family: $1" >&2; exit 134; fi
		echo '{"Driver":"d"}'; echo "{\"Driver\":\"$1 $RADV_FORCE_FAMILY\"}"`)
	o.Chips, o.Filter = []string{"gfx1100"}, regexp.MustCompile("^copy$")
	r, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, []report.CompiledPipeline{{Chip: "gfx1100"}}, r.Pipelines)
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := shell(t, "exec sleep 60")
	o.Progress = func(int, int, string) { cancel() }
	start := time.Now()
	_, err := Run(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(start), 10*time.Second)
}

func TestServeRefuses(t *testing.T) {
	o := options(t, "vega10", "^copy$")
	o.Command = []string{"sh", "-c", `exec "$0" serve navi21`, o.Command[0]}
	_, err := Run(t.Context(), o)
	require.ErrorContains(t, err, "compile only: vega10: the device is ")
	require.ErrorContains(t, err, "VEGA10")
	require.ErrorContains(t, err, ", not a navi21")
}

func TestDriver(t *testing.T) {
	system, chosen := t.TempDir(), t.TempDir()
	folder := filepath.Join(system, "vulkan", "icd.d")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	touch := func(path string) string {
		require.NoError(t, os.WriteFile(path, nil, 0o644))
		return path
	}
	t.Setenv("XDG_DATA_DIRS", "/no/such:"+system)
	t.Setenv("VK_DRIVER_FILES", "")
	t.Setenv("VK_ICD_FILENAMES", touch(filepath.Join(chosen, "lvp_icd.json")))
	_, err := Driver()
	require.ErrorIs(t, err, ErrNoDriver)
	require.ErrorContains(t, err, "install mesa-vulkan-drivers")

	installed := []string{touch(filepath.Join(folder, "radeon_icd.i686.json")), touch(filepath.Join(folder, "radeon_icd.x86_64.json"))}
	got, err := Driver()
	require.NoError(t, err)
	require.Equal(t, installed, got)

	other := touch(filepath.Join(chosen, "radeon_icd.json"))
	t.Setenv("VK_DRIVER_FILES", "/no/such/radeon_icd.json:"+other)
	got, err = Driver()
	require.NoError(t, err)
	require.Equal(t, []string{other}, got)
}
