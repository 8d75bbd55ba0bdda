package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// jobsFile declares the structs and constants that the host shares with the
// kernels, in addition to what reflection sees.
const jobsFile = "lib/jobs.glsl"

// jobs is what jobsFile declares.
type jobs struct {
	Constants []line
	Structs   []words
}

// line is a field or a constant with the comment behind it.
type line struct{ Name, Value, Comment string }

// words is a struct of uints with the comment before it.
type words struct {
	Name, Comment string
	Fields        []line
}

var (
	structs   = regexp.MustCompile(`((?:// .*\n)+)struct (\w+) \{\n([^}]*)\};`)
	fields    = regexp.MustCompile(`(?m)^ *uint (\w+); *(// .*)?$`)
	constants = regexp.MustCompile(`(?m)^const uint (\w+) = (\w+); *(// .*)?$`)
)

// readJobs reads jobsFile in a folder; there is none in other folders than that
// of the kernels.
func readJobs(dir string) (*jobs, error) {
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(jobsFile)))
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return parseJobs(string(text))
}

func parseJobs(text string) (*jobs, error) {
	out := &jobs{}
	for _, m := range constants.FindAllStringSubmatch(text, -1) {
		out.Constants = append(out.Constants, line{m[1], m[2], m[3]})
	}
	for _, m := range structs.FindAllStringSubmatch(text, -1) {
		s := words{Name: m[2], Comment: strings.TrimSpace(m[1])}
		for _, f := range fields.FindAllStringSubmatch(m[3], -1) {
			s.Fields = append(s.Fields, line{Name: f[1], Comment: f[2]})
		}
		if len(s.Fields) != strings.Count(m[3], ";\n")+strings.Count(m[3], "; ") {
			return nil, fmt.Errorf("jobs: %s: a field is no uint on a line of its own", s.Name)
		}
		out.Structs = append(out.Structs, s)
	}
	if n := strings.Count(text, "\nstruct "); n != len(out.Structs) {
		return nil, fmt.Errorf("jobs: %d structs, %d with a comment", n, len(out.Structs))
	}
	return out, nil
}
