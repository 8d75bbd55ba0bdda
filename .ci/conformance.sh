#!/usr/bin/env bash
# The conformance suite on every software driver, with the validation layer on.
# SwiftShader is taken as the least capable device that the specification allows:
# it offers no float modes, so it would compile the same code as itself.
# llvmpipe as that device, at the vector width that it takes by itself, is a unit
# test with all cases (conformance.TestVulkanConforms).
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
	local begin=$SECONDS
	MESA_SHADER_CACHE_DIR="$shaders" VK_ICD_FILENAMES="$icd" bin/qaqvk conformance --device "$device" --validation "$@"
	echo "took    $((SECONDS - begin)) s"
}

# Building pipelines takes one core, so two run at a time, each with an output of
# its own that is shown when it is done.
declare -A logs=() # by process
status=0

start() {
	((${#logs[@]} < 2)) || finish
	local log
	log=$(mktemp)
	conform "$@" >"$log" 2>&1 &
	logs[$!]=$log
}

# finish waits for one that is done.
finish() {
	local pid
	wait -n -p pid "${!logs[@]}" || status=1
	cat "${logs[$pid]}"
	rm -f "${logs[$pid]}"
	unset "logs[$pid]"
}

# All cases on SwiftShader. At each width all kernels, but short rows of one type: what a
# width changes is the code of a kernel. LLVM takes eight seconds at 512 bits for one that
# encodes, so that run begins and has the fewest.
few='^[a-z_]+/(f32/(.*/)?d32/|[^fb])|(d|means|splitting)/f(16|32)/(.*/)?d40/|choose_bits/f32/'
LP_NATIVE_VECTOR_WIDTH=512 start "$MESA2_ICD" llvmpipe --filter "$few"
start "$SWIFTSHADER_ICD" swiftshader --limits minimum
LP_NATIVE_VECTOR_WIDTH=128 start "$llvmpipe" llvmpipe --filter '^[a-z_]+/(f16/(.*/)?d(32|40|64)/|[^fb])'
while ((${#logs[@]} > 0)); do finish; done
exit "$status"
