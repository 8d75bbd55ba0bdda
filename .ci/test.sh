#!/usr/bin/env bash
# Everything that CI checks. A missing driver is a failure. The unit tests come
# last, so that their closing lines are the last thing printed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=steps.sh
. .ci/steps.sh

formatted_and_vetted

step generated files
.ci/fresh.sh

step "goldens of cpuref at GOAMD64=v3 and on arm64"
.ci/goldens.sh

step conformance
.ci/conformance.sh

step "kernels compiled for AMD chips"
.ci/compileonly.sh

step llama.cpp with its KV cache in qaqvk
.ci/ggml.sh vet ./backend/ggml ./cmd/libggml-qaqvk ./internal/llamatest
.ci/ggml.sh test -count=1 ./internal/llamatest

step "the Python package"
.ci/python.sh test

step "windows, and pages in a browser"
go test -count=1 -tags glfw ./internal/window
go test -count=1 -tags glfw ./cmd/qaqvk -run Watch
go test -count=1 -tags chromium ./internal/htmlreport

step unit tests # the two that take longest begin
go test -count=1 -timeout 30m ./conformance ./backend ./...
