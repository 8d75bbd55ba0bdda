package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/internal/model"
	"github.com/qaqvk/qaqvk/internal/modelfetch"
)

// readFile returns a file of at most so many bytes. Its errors name the path.
func readFile(path string, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("%s: more than %d bytes", path, most)
	}
	return data, err
}

// modelFile is the file of --model; without one, the default model's, which is
// fetched where it is missing.
func modelFile(c *cobra.Command, path string) (string, error) {
	if path != "" {
		return path, nil
	}
	return modelfetch.Fetch(c.Context(), c.ErrOrStderr())
}

// loadModel loads the model of a file as modelFile says, which path becomes, and tells
// what it takes.
func loadModel(c *cobra.Command, path *string, p *progress) (_ *model.Model, err error) {
	if *path, err = modelFile(c, *path); err != nil {
		return nil, err
	}
	m, err := model.Load(*path)
	if err == nil {
		p.note("%s", m.Footprint)
	}
	return m, err
}
