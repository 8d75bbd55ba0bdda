package model

import (
	"io/fs"
	"math"
)

// LoadStored is Load on a host that tells nothing of its memory: weights are
// used as they are stored.
func LoadStored(path string) (*Model, error) { return load(path, Host{}) }

// LoadOn is Load on a host with so many bytes of memory.
func LoadOn(path string, memory, process int64) (*Model, error) {
	return load(path, Host{Known: true, Memory: memory, Process: process, By: "test"})
}

// HostIn reads a host's memory from files below root, pages of 4 KiB.
func HostIn(root fs.FS) Host { return hostIn(root, 4096) }

// Unlimited is the address space of a process without a limit.
const Unlimited = math.MaxInt64
