#!/usr/bin/env bash
# A chat with a prebuilt llama.cpp (node-llama-cpp), first with its own KV cache, then
# with it in qaqvk, which is one environment variable.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=drivers.sh
. ./drivers.sh
./llama.sh
cd ..

node="$LLAMA_DIR/node"
if [[ ! -d "$node/node_modules/@node-llama-cpp/linux-x64/bins" ]]; then
	mkdir -p "$node"
	for package in node-llama-cpp @node-llama-cpp/linux-x64; do # the second is optional to the first
		npm install --silent --prefix "$node" --save-exact --omit=optional --ignore-scripts --no-audit --no-fund "$package@$LLAMA_NODE"
	done
fi
model="${MODEL:-$CACHE/SmolLM2-135M-Instruct.Q4_1.gguf}"
[[ -f "$model" ]] || bin/qaqvk run --device cpu --no-compare --tokens 1 >/dev/null # fetches it
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stats="$work/stats.json"
head -c 3000 docs/drivers.md >"$work/text"
chat() { node examples/llama/chat.mjs "$node/node_modules" "$model" "$work/text"; }

printf '== llama.cpp with its own KV cache\n'
chat
printf '\n== the same with its KV cache in qaqvk: GGML_BACKEND_PATH=bin/libggml-qaqvk.so QAQVK_MODEL=...\n'
GGML_BACKEND_PATH="$PWD/bin/libggml-qaqvk.so" QAQVK_MODEL="$model" QAQVK_STATS="$stats" chat
node -e '
const b = JSON.parse(require("fs").readFileSync(process.argv[1])).buffers[0], c = b.cache.bytes, mb = x => (x / 1e6).toFixed(2) + " MB";
console.log(`[KV cache of ${b.cache.tokens} tokens: ${mb(c.f16)} in f16, ${mb(c.live)} live, ${(c.live / c.f16).toFixed(3)} of it, of which tables ${mb(c.tables)}; ${mb(c.committed)} of device memory held, ${mb(c.peak)} at most; llama.cpp asked for ${mb(b.buffer_bytes)}]`);
console.log(`[keys ${b.cache.k_bits.toFixed(2)} and values ${b.cache.v_bits.toFixed(2)} bits an element; ${b.ops.attended} attentions from the cache, ${b.ops.host} from memory]`);' "$stats"
