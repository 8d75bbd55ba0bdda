//go:build ggml

// Command libggml-qaqvk is package ggml as a shared library, for GGML_BACKEND_PATH.
package main

import (
	"C"

	_ "github.com/qaqvk/qaqvk/backend/ggml"
)

func main() {}
