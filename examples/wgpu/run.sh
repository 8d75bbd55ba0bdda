#!/usr/bin/env bash
# run.sh DIR: builds the example with cargo and runs it with the C library of a folder, on the device
# that wgpu prefers or WGPU_ADAPTER_NAME names. The validation layer watches where there is one: what
# it says, beside the one line of the example, is a failure.
set -euo pipefail
PKG_CONFIG_PATH=$(cd "$1" && pwd)
export PKG_CONFIG_PATH
cd "$(dirname "$0")"
least=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' Cargo.toml)
help="install Rust $least or newer with cargo (Debian 12: apt-get install cargo-web rustc-web; its cargo and rustc are too old)"
for tool in cargo rustc pkg-config; do
	command -v $tool >/dev/null || { echo "example-wgpu: no $tool: $help, and pkg-config" >&2; exit 1; }
done
version=$(rustc --version | cut -d' ' -f2)
[[ $(printf '%s\n' "$least" "$version" | sort -V | head -n1) == "$least" ]] || { echo "example-wgpu: rustc $version: $help" >&2; exit 1; }
cargo build --locked
if compgen -G '/usr/share/vulkan/explicit_layer.d/*khronos_validation.json' >/dev/null; then
	export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
	export VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
else
	echo "example-wgpu: no validation layer: only results are checked" >&2
fi
said=$(cargo run --locked --quiet)
echo "$said"
[[ $(wc -l <<<"$said") == 1 ]] || { echo "example-wgpu: the validation layer objects" >&2; exit 1; }
