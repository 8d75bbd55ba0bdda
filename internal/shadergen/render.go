package main

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"strings"
	"text/template"

	"github.com/qaqvk/qaqvk/internal/spirv"
)

//go:embed *.tmpl
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"goName": goName,
}).ParseFS(templateFiles, "*.tmpl"))

// render returns the Go files, formatted, by name.
func render(kernels []kernel, shared *jobs, goPackage string, controls bool) (map[string][]byte, error) {
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
	constants, err := allConstants(kernels)
	if err != nil {
		return nil, err
	}
	all := struct {
		Package   string
		Kernels   []kernel
		Constants []spirv.Constant
		Jobs      *jobs
	}{goPackage, kernels, constants, shared}
	if err := add("records_gen_test.go", "records.tmpl", all); err != nil || controls {
		return out, err
	}
	for _, name := range []string{"kernels", "jobs"} {
		if err := add(name+"_gen.go", name+".tmpl", all); err != nil {
			return nil, err
		}
	}
	for _, k := range kernels {
		if err := add(k.Name+"_gen.go", "kernel.tmpl", k); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// allConstants are those of all kernels. It fails unless each has the first of
// them, under the same ids: one type then fits all.
func allConstants(kernels []kernel) (all []spirv.Constant, err error) {
	for _, k := range kernels {
		if k.Reflection != nil && len(k.Constants) > len(all) {
			all = k.Constants
		}
	}
	for _, k := range kernels {
		for i := 0; k.Reflection != nil && i < len(k.Constants); i++ {
			if c := k.Constants[i]; c.Name != all[i].Name || c.ID != uint32(i) {
				return nil, fmt.Errorf("%s: constant %s has id %d: %s has place %d", k.Name, c.Name, c.ID, all[i].Name, i)
			}
		}
	}
	return all, nil
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
