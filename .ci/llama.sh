#!/usr/bin/env bash
# Brings the llama.cpp that libggml-qaqvk is built for and tested with into the cache
# folder: the prebuilt libraries, and the headers of the same release. Both come in npm
# packages, whose checksums are below. Quick when they are there.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=drivers.sh
. ./drivers.sh
# shellcheck source=packages.sh
. ./packages.sh

[[ -e "$LLAMA_DIR/lib/libllama.so" && -f "$LLAMA_DIR/include/ggml-backend-impl.h" ]] && exit 0
for c in npm git; do # packages of the same names
	command -v "$c" >/dev/null || install_missing "$c"
done

work="$LLAMA_DIR.part"
rm -rf "$work"
mkdir -p "$work/include"
trap 'rm -rf "$work"' EXIT
echo "llama: fetching llama.cpp $LLAMA_RELEASE into $LLAMA_DIR"
cd "$work"
npm pack --silent "@node-llama-cpp/linux-x64@$LLAMA_NODE" "node-llama-cpp@$LLAMA_NODE" >/dev/null
sha256sum --quiet --check <<END
0d953e1503d5ab4608d8ed5b739132308c81ac05ffeb760d2a7f30e08a9f90e0  node-llama-cpp-linux-x64-$LLAMA_NODE.tgz
a0d9dd80eacd2ab1cfe71aee57ac8a806487fd70b3d2a38fbec637752d9e5c5f  node-llama-cpp-$LLAMA_NODE.tgz
END
tar -xzf "node-llama-cpp-linux-x64-$LLAMA_NODE.tgz" package/bins/linux-x64
tar -xzf "node-llama-cpp-$LLAMA_NODE.tgz" package/llama/gitRelease.bundle
git clone --quiet --bare package/llama/gitRelease.bundle source 2>/dev/null
git -C source archive HEAD include ggml/include ggml/src/ggml-backend-impl.h | tar -x
cp ggml/include/*.h ggml/src/ggml-backend-impl.h include/
mv package/bins/linux-x64 lib
ln -s "libllama.$LLAMA_RELEASE.so" lib/libllama.so # the names that hosts look for
ln -s "libggml.$LLAMA_RELEASE.so" lib/libggml.so
rm -rf package source ggml ./*.tgz
cd ..
rm -rf "$LLAMA_DIR"
mv "$work" "$LLAMA_DIR"
