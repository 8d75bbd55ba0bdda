package compileonly

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// ErrNoDriver says how to get RADV.
var ErrNoDriver = errors.New("compile only: no RADV (radeon_icd*.json): install mesa-vulkan-drivers, or run make setup")

// manifest is the pattern of RADV's manifest names: distributions add the
// architecture or do not.
const manifest = "radeon_icd*.json"

// Driver finds RADV's manifests: those that the loader is told of by
// environment, so that another Mesa can be chosen, or those that are installed.
// Several architectures' may lie side by side; the loader takes what opens.
func Driver() ([]string, error) {
	for _, name := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES"} {
		if found := chosen(os.Getenv(name)); len(found) > 0 {
			return found, nil
		}
	}
	data := cmp.Or(os.Getenv("XDG_DATA_DIRS"), "/usr/local/share:/usr/share")
	for _, dir := range append([]string{"/etc", "/usr/local/etc"}, filepath.SplitList(data)...) {
		if found, err := filepath.Glob(filepath.Join(dir, "vulkan", "icd.d", manifest)); err == nil && len(found) > 0 {
			return found, nil
		}
	}
	return nil, ErrNoDriver
}

func chosen(list string) []string {
	var found []string
	for _, file := range filepath.SplitList(list) {
		if ok, err := filepath.Match(manifest, filepath.Base(file)); err != nil || !ok {
			continue
		}
		if _, err := os.Stat(file); err == nil {
			found = append(found, file)
		}
	}
	return found
}

// environment makes a process see the chip and nothing else: the last value of
// a name counts.
func environment(drivers []string, family string) []string {
	files := strings.Join(drivers, string(os.PathListSeparator))
	return append(os.Environ(), "RADV_FORCE_FAMILY="+family, "VK_DRIVER_FILES="+files, "VK_ICD_FILENAMES="+files)
}
