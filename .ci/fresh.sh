#!/usr/bin/env bash
# Generates anew and fails if a file changes: SPIR-V and descriptions are committed.
set -euo pipefail
cd "$(dirname "$0")/.."
sum() { find shaders internal/spirv -name '*.spv' -o -name '*_gen.go' -o -name '*_gen_test.go' | LC_ALL=C sort | xargs sha256sum; }
before=$(sum)
make -s generate
after=$(sum)
if [[ "$before" != "$after" ]]; then
	diff <(echo "$before") <(echo "$after") || true
	echo "test: generated files were stale: run make generate and commit them" >&2
	exit 1
fi
