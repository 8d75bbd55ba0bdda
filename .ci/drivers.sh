# Where the Vulkan drivers of the tests are; sourced by the other scripts.
# shellcheck shell=bash
CACHE="${QAQVK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/qaqvk}"
SWIFTSHADER_ICD="${QAQVK_SWIFTSHADER_ICD:-/usr/lib/chromium/vk_swiftshader_icd.json}"
MESA2_DIR="$CACHE/mesa-backports"
MESA2_ICD="${QAQVK_MESA2_ICD:-$MESA2_DIR/lvp_icd.json}"

# llvmpipe of the system: the file's name differs between distributions.
llvmpipe_icd() {
	local f
	for f in /usr/share/vulkan/icd.d/lvp_icd*.json; do
		if [[ -f "$f" ]]; then echo "$f"; return; fi
	done
	echo "no llvmpipe driver (mesa-vulkan-drivers): run make setup" >&2
	return 1
}

# The llama.cpp that libggml-qaqvk is for: llama.sh brings it.
LLAMA_RELEASE=v0.5.0
LLAMA_NODE=3.22.1 # of the npm packages that have it
LLAMA_DIR="$CACHE/llama.cpp-$LLAMA_RELEASE"
