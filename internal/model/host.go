package model

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// Host is the memory that this process may still take.
type Host struct {
	Known   bool   // the system tells
	Memory  int64  // bytes, those that the page cache can give up included
	Process int64  // bytes of address space; the largest number where there is no limit
	By      string // what sets Memory
}

// String says how much memory is available, and by what.
func (h Host) String() string {
	if !h.Known {
		return "memory of unknown size"
	}
	return fmt.Sprintf("%d MiB available (%s)", h.Memory>>20, h.By)
}

// readHost asks Linux; other systems tell nothing here.
func readHost() Host { return hostIn(os.DirFS("/"), int64(os.Getpagesize())) }

// hostIn reads /proc and the control groups below root.
func hostIn(root fs.FS, page int64) Host {
	h := Host{Memory: math.MaxInt64, Process: math.MaxInt64}
	if free := field(root, "proc/meminfo", "MemAvailable:", 1) * 1024; free > 0 {
		h.limit("machine", free)
	}
	for _, line := range lines(root, "proc/self/cgroup") {
		id, rest, _ := strings.Cut(line, ":")
		controllers, group, _ := strings.Cut(rest, ":")
		switch {
		case id == "0":
			h.unified(root, group)
		case strings.Contains(","+controllers+",", ",memory,"):
			h.legacy(root, group)
		}
	}
	if limit := field(root, "proc/self/limits", "Max address space", 3); limit > 0 {
		used := field(root, "proc/self/statm", "", 0) * page
		h.Process = max(0, limit-used)
	}
	return h
}

func (h *Host) limit(by string, free int64) {
	if free < h.Memory {
		h.Known, h.Memory, h.By = true, max(0, free), by
	}
}

// unified looks at the memory limits of a group of version 2 and of those that
// it lies in.
func (h *Host) unified(root fs.FS, group string) {
	for dir := path.Join("sys/fs/cgroup", group); strings.HasPrefix(dir, "sys/fs/cgroup"); dir = path.Dir(dir) {
		limit := field(root, dir+"/memory.max", "", 0)
		used := field(root, dir+"/memory.current", "", 0)
		cached := field(root, dir+"/memory.stat", "active_file ", 1) + field(root, dir+"/memory.stat", "inactive_file ", 1)
		if limit > 0 {
			h.limit("control group", limit-used+cached)
		}
	}
}

// legacy looks at a group of version 1; inside a container it may lie at the
// root.
func (h *Host) legacy(root fs.FS, group string) {
	for _, dir := range []string{path.Join("sys/fs/cgroup/memory", group), "sys/fs/cgroup/memory"} {
		limit := field(root, dir+"/memory.stat", "hierarchical_memory_limit", 1)
		used := field(root, dir+"/memory.usage_in_bytes", "", 0)
		cached := field(root, dir+"/memory.stat", "total_active_file", 1) + field(root, dir+"/memory.stat", "total_inactive_file", 1)
		if limit > 0 {
			h.limit("control group", limit-used+cached)
		}
	}
}

// field returns the i-th word of the first line with that prefix as a number; 0
// where there is none, "max" and "unlimited" included.
func field(root fs.FS, name, prefix string, i int) int64 {
	for _, line := range lines(root, name) {
		words := strings.Fields(line)
		if !strings.HasPrefix(line, prefix) || i >= len(words) {
			continue
		}
		n, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	return 0
}

// lines returns the lines of a file, none where it cannot be read.
func lines(root fs.FS, name string) (out []string) {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return nil
	}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		out = append(out, s.Text())
	}
	return out
}
