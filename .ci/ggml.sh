#!/usr/bin/env bash
# Runs a go command with package ggml, whose C files need the headers that llama.sh
# brings: .ci/ggml.sh build -o FILE ./cmd/libggml-qaqvk
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=drivers.sh
. ./drivers.sh
./llama.sh
cd ..
CGO_CFLAGS="-O2 -g -I$LLAMA_DIR/include" exec "${GO:-go}" "$1" -tags ggml "${@:2}"
