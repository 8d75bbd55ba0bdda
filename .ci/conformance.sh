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

for width in 128 256 512; do
	LP_NATIVE_VECTOR_WIDTH=$width conform "$llvmpipe" llvmpipe
done
conform "$llvmpipe" llvmpipe --limits minimum
conform "$MESA2_ICD" llvmpipe
conform "$SWIFTSHADER_ICD" swiftshader
conform "$SWIFTSHADER_ICD" swiftshader --limits minimum
