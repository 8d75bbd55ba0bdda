//go:build ggml

// Package ggml is a ggml backend: llama.cpp, unmodified, keeps its KV cache in qaqvk.
//
// The library of cmd/libggml-qaqvk, which is this package alone, is loaded by the
// environment variable GGML_BACKEND_PATH. The backend owns the buffers of KV caches
// and runs the ops on them: attention from the cache (package internal/kvbuffer), all
// else on memory by ggml's own CPU backend. Weights stay where they are.
//
// Headers of ggml are needed to build it (make ggml), so all files have the build tag
// ggml. Nothing of ggml is linked: functions are looked up in the library that loads us.
package ggml
