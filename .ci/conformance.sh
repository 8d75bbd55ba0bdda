#!/usr/bin/env bash
# The conformance suite on every software driver, as itself and as the least
# capable device that the specification allows, with the validation layer on.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=drivers.sh
. .ci/drivers.sh
llvmpipe=$(llvmpipe_icd)

# conform ICD DEVICE OPTIONS...
conform() {
	local icd=$1 device=$2
	shift 2
	[[ -f "$icd" ]] || { echo "test: no driver at $icd: run make setup" >&2; exit 1; }
	echo "-- $device $* ${LP_NATIVE_VECTOR_WIDTH:+LP_NATIVE_VECTOR_WIDTH=$LP_NATIVE_VECTOR_WIDTH} ($(basename "$(dirname "$icd")"))"
	# A shader cache of its own: Mesa's would hand one width's code to another.
	local shaders="$CACHE/shaders/$(basename "$(dirname "$icd")")-${LP_NATIVE_VECTOR_WIDTH:-default}"
	mkdir -p "$shaders"
	MESA_SHADER_CACHE_DIR="$shaders" VK_ICD_FILENAMES="$icd" bin/qaqvk conformance --device "$device" --validation "$@"
}

# Building pipelines takes one core, so two run at a time, each with an output of
# its own that is shown when both are done.
pids=() logs=()

start() {
	local log
	log=$(mktemp)
	conform "$@" >"$log" 2>&1 &
	pids+=($!) logs+=("$log")
	((${#pids[@]} < 2)) || finish
}

finish() {
	local i status=0
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || status=1
		cat "${logs[i]}"
		rm -f "${logs[i]}"
	done
	pids=() logs=()
	((status == 0)) || exit 1
}

for width in 128 256 512; do
	LP_NATIVE_VECTOR_WIDTH=$width start "$llvmpipe" llvmpipe
done
start "$MESA2_ICD" llvmpipe
start "$SWIFTSHADER_ICD" swiftshader
start "$SWIFTSHADER_ICD" swiftshader --limits minimum
LP_NATIVE_VECTOR_WIDTH=256 start "$llvmpipe" llvmpipe --limits minimum # with the shaders that the other left
finish
