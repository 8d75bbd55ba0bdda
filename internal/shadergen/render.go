package main

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"goName": goName,
}).ParseFS(templateFiles, "*.tmpl"))

// render returns the Go files, formatted, by name.
func render(kernels []kernel, goPackage string, controls bool) (map[string][]byte, error) {
	out := map[string][]byte{}
	add := func(file, tmpl string, data any) error {
		var text bytes.Buffer
		if err := templates.ExecuteTemplate(&text, tmpl, data); err != nil {
			return err
		}
		code, err := format.Source(text.Bytes())
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		out[file] = code
		return nil
	}
	all := struct {
		Package string
		Kernels []kernel
	}{goPackage, kernels}
	if err := add("records_gen_test.go", "records.tmpl", all); err != nil || controls {
		return out, err
	}
	if err := add("kernels_gen.go", "kernels.tmpl", all); err != nil {
		return nil, err
	}
	for _, k := range kernels {
		if err := add(k.Name+"_gen.go", "kernel.tmpl", k); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// goName turns HEAD_DIM or head_dim into HeadDim; GroupsPerJob stays as it is.
func goName(name string) string {
	if name == strings.ToUpper(name) {
		name = strings.ToLower(name)
	}
	parts := strings.Split(name, "_")
	for i, part := range parts {
		if part != "" {
			parts[i] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "")
}
