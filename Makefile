# `make` lists the targets.
GO ?= go
DEVICE ?=

.PHONY: help setup build ggml lib wheel example-wgpu quick test test-transformers demo demo-llama bench profile pictures generate update clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing (apt; a second Mesa goes into the cache folder)
	@.ci/setup.sh

# Windows (qaqvk watch) need the headers of X11.
WINDOWS = gl x11 xrandr xinerama xcursor xi xxf86vm
TAGS ?= $(shell pkg-config --exists $(WINDOWS) 2>/dev/null && echo glfw)

build: ## build bin/qaqvk, with qaqvk watch where the headers of X11 are
	$(GO) build -tags "$(TAGS)" -o bin/qaqvk ./cmd/qaqvk
	@[ -n "$(TAGS)" ] || echo "without qaqvk watch: pkg-config finds not all of $(WINDOWS); make setup installs them"

ggml: ## build bin/libggml-qaqvk.so, with which llama.cpp keeps its KV cache in qaqvk
	@GO=$(GO) .ci/ggml.sh build -buildmode=c-shared -o bin/libggml-qaqvk.so ./cmd/libggml-qaqvk

lib: ## bin/libqaqvk.so for C and everything that calls C, its header and pkg-config file
	@.ci/lib.sh bin

wheel: ## bin/qaqvk-*.whl, the Python package with the library in it
	@.ci/python.sh wheel bin

example-wgpu: lib ## a program on wgpu lends qaqvk its Vulkan device (needs Rust: cargo, rustc; not in CI)
	@examples/wgpu/run.sh bin

quick: ## the checks of two minutes: on the reference and llvmpipe, with no setup but Go, gcc and that driver
	@.ci/quick.sh

test: setup build ## everything that CI runs
	@.ci/test.sh

test-transformers: ## the Python package with transformers itself: 6 GB of packages, not in CI
	@.ci/python.sh transformers

demo: setup build ## a real model generates from the compressed cache, on the best device there is
	bin/qaqvk run --tokens 128 --reserve 1.65 --device "$(DEVICE)"

demo-llama: build ggml ## a prebuilt llama.cpp chats, with its KV cache in qaqvk and without (needs Node.js)
	@.ci/demo-llama.sh

bench: build ## time the kernels in copy units
	bin/qaqvk bench --device "$(DEVICE)"

PROFILE = internal/profiles/SmolLM2-135M-Instruct.safetensors

profile: build ## the demo's profile again, from the model's gradients (minutes)
	python3 internal/profiles/text.py bin/texts
	bin/qaqvk calibrate --text bin/texts/words.txt --text bin/texts/prose.txt --text bin/texts/code.txt --windows 42 -o $(PROFILE)

pictures: ## the pictures of README and of the tests again, in windows of an X server in memory
	$(GO) test -tags glfw ./internal/window -run Replay -count=1 -update
	$(GO) test -tags chromium ./internal/htmlreport -run Page -count=1 -update

generate: ## SPIR-V from the GLSL, and the Go descriptions from the SPIR-V
	$(GO) generate ./...

update: ## all that is generated, goldens and expected digests: see git diff
	@.ci/update.sh

clean: ## remove what build made; the cache folder stays
	rm -rf bin examples/wgpu/target
