#!/usr/bin/env bash
# The reference must give the same bits wherever it runs: pure Go, so every
# build is cross-compiled here, and arm64 runs under qemu. GOAMD64=v1 is what the
# unit tests are built for.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v qemu-aarch64 >/dev/null || { echo "test: no qemu-aarch64: run make setup" >&2; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# run NAME RUNNER...: goldens of cpuref as built by the environment
run() {
	local name=$1
	shift
	go test -c -o "$dir/$name.test" ./cpuref
	echo "cpuref $name"
	(cd cpuref && "$@" "$dir/$name.test" -test.v -test.run Golden) >"$dir/$name.log" || {
		cat "$dir/$name.log"
		return 1
	}
	grep '^--- PASS: TestGoldens ' "$dir/$name.log" # none may have been skipped
}

export CGO_ENABLED=0
if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; then
	GOARCH=amd64 GOAMD64=v3 run amd64-v3
else # a CPU without FMA: let qemu be one
	GOARCH=amd64 GOAMD64=v3 run amd64-v3 qemu-x86_64 -cpu max
fi
GOARCH=arm64 run arm64 qemu-aarch64
