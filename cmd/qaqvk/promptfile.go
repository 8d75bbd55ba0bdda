package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// maxPrompt is the most bytes of a prompt file: far more than any context
// holds.
const maxPrompt = 4 << 20

// readPrompt returns the text of a file.
func readPrompt(path string) (string, error) {
	data, err := readFile(path, maxPrompt)
	switch {
	case err != nil:
		return "", fmt.Errorf("--prompt-file: %w", err)
	case len(data) == 0:
		return "", fmt.Errorf("--prompt-file: %s: is empty", path)
	}
	return string(data), nil
}

// checkTexts refuses flags that are given and empty: what is left out has a
// default, what is empty is a variable of a script that was not set.
func checkTexts(c *cobra.Command) error {
	for _, name := range []string{"prompt", "prompt-file", "model", "json", "timeline"} {
		if f := c.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			return fmt.Errorf("--%s \"\": is empty", name)
		}
	}
	if c.Flags().Changed("prompt") && c.Flags().Changed("prompt-file") {
		return errors.New("--prompt and --prompt-file: give one of them")
	}
	return nil
}
