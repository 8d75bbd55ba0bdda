package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxPrompt is the most bytes of a prompt file: far more than any context
// holds.
const maxPrompt = 4 << 20

// readPrompt returns the text of a file.
func readPrompt(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("--prompt-file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPrompt+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("--prompt-file: %w", err)
	case len(data) == 0:
		return "", fmt.Errorf("--prompt-file: %s: is empty", path)
	case len(data) > maxPrompt:
		return "", fmt.Errorf("--prompt-file: %s: more than %d bytes", path, maxPrompt)
	}
	return string(data), nil
}

// usePromptFile takes the prompt from the file where one is named.
func (f *runFlags) usePromptFile(prompt *string) (err error) {
	if f.promptFile == "" {
		return nil
	}
	if *prompt != "" {
		return errors.New("--prompt and --prompt-file: give one of them")
	}
	*prompt, err = readPrompt(f.promptFile)
	return err
}
