#!/usr/bin/env bash
# Writes anew what is committed and follows from something else: SPIR-V, its
# descriptions and records, the goldens of cpuref and of the reports, the names of
# the conformance cases and their digests. git diff then shows what changed.
set -euo pipefail
cd "$(dirname "$0")/.."
go generate ./...
go test ./cpuref ./internal/report -run Golden -count=1 -update
go test ./conformance -run CasesAreNamed -count=1 -update
go test ./conformance -run Expected -count=1 -update # embeds the names
