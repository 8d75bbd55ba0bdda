#!/usr/bin/env bash
# lib.sh DIR: the C library, its header and its pkg-config file, in a folder.
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
number() { sed -n "s/^#define $1 \"\\{0,1\\}\\([^\"]*\\)\"\\{0,1\\}$/\\1/p" include/qaqvk.h; }
soname=libqaqvk.so.$(number QAQVK_ABI_VERSION)
go build -buildmode=c-shared -o "$dir/$soname" \
	-ldflags "-extldflags '-Wl,-soname,$soname -Wl,--version-script=$PWD/cmd/libqaqvk/libqaqvk.map'" ./cmd/libqaqvk
rm -f "$dir/libqaqvk.so.h" "$dir/libqaqvk.h" "$dir/libqaqvk.so.${soname##*.}.h" # cgo's, which include/qaqvk.h is in place of
ln -sf "$soname" "$dir/libqaqvk.so"
mkdir -p "$dir/include"
cp include/qaqvk.h "$dir/include/"
cat >"$dir/qaqvk.pc" <<PC
prefix=\${pcfiledir}
Name: qaqvk
Description: The KV cache of a language model, compressed, on any Vulkan device
Version: $(number QAQVK_VERSION)
Libs: -L\${prefix} -lqaqvk
Cflags: -I\${prefix}/include
PC
