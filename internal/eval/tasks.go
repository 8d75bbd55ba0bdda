package eval

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrTasks says that a file of tasks is malformed.
var ErrTasks = errors.New("malformed tasks")

// Question has several endings, of which one is right.
type Question struct {
	Context string
	Endings []string
	Label   int // of the right ending, from 0
	Line    int // of the file
}

// Tasks are the questions of a file.
type Tasks struct {
	Name      string // hellaswag, piqa or choices
	Shots     string // solved ones that each question follows; empty: none
	Questions []Question
	shots     int    // number of those solved
	part      string // its name in the journal
}

// NewTasks reads the questions of a file: six lines each (context, label, four
// endings), or JSON lines, where the first character is a brace. limit bounds
// them; 0: all. Errors name the line and wrap ErrTasks.
func NewTasks(name, path string, data []byte, limit int) (*Tasks, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	read := sixLines
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		read = jsonLines
	}
	list, err := lines(data)
	var questions []Question
	if err == nil {
		questions, err = read(list)
	}
	if err == nil && len(questions) == 0 {
		err = fmt.Errorf("no tasks: %w", ErrTasks)
	}
	if err != nil {
		return nil, fmt.Errorf("eval: %s: %w", path, err)
	}
	if limit > 0 {
		questions = questions[:min(limit, len(questions))]
	}
	sum := sha256.Sum256(data)
	return &Tasks{Name: name, Questions: questions, part: name + " " + hex.EncodeToString(sum[:8])}, nil
}

// WithShots returns the questions behind the first n, each of which follows those n
// with their right endings and an empty line behind each.
func (t *Tasks) WithShots(n int) (*Tasks, error) {
	if n >= len(t.Questions) {
		return nil, fmt.Errorf("eval: %s: %d shots of %d tasks: must leave one to ask: %w", t.Name, n, len(t.Questions), ErrTasks)
	}
	few := &Tasks{Name: t.Name, Questions: t.Questions[n:], shots: n, part: fmt.Sprintf("%s behind %d", t.part, n)}
	for _, q := range t.Questions[:n] {
		few.Shots += q.Context + " " + q.Endings[q.Label] + "\n\n"
	}
	return few, nil
}

// lines are those of a file, without the empty ones at its end.
func lines(data []byte) (list []string, err error) {
	s := bufio.NewScanner(bytes.NewReader(bytes.TrimRight(data, " \t\r\n")))
	s.Buffer(nil, len(data)+1)
	for s.Scan() {
		if list = append(list, strings.TrimSpace(s.Text())); !utf8.Valid(s.Bytes()) || bytes.IndexByte(s.Bytes(), 0) >= 0 {
			return nil, fmt.Errorf("line %d: is no text in UTF-8: %w", len(list), ErrTasks)
		}
	}
	return list, nil
}

// sixLines reads context, label and four endings, a line each.
func sixLines(list []string) (questions []Question, err error) {
	const each = 6
	for at := 0; at < len(list); at += each {
		part := list[at:min(at+each, len(list))]
		for i, line := range part {
			if line == "" {
				return nil, fmt.Errorf("line %d: is empty: %w", at+i+1, ErrTasks)
			}
		}
		if len(part) < each {
			return nil, fmt.Errorf("line %d: the last task has %d lines, want %d: %w", at+len(part), len(part), each, ErrTasks)
		}
		q := Question{Context: part[0], Endings: part[2:], Line: at + 1}
		if q.Label, err = strconv.Atoi(part[1]); err != nil || q.Label < 0 || q.Label >= len(q.Endings) {
			return nil, fmt.Errorf("line %d: label %q: must be 0 to %d: %w", at+2, part[1], len(q.Endings)-1, ErrTasks)
		}
		questions = append(questions, q)
	}
	return questions, nil
}

// choice is a JSON line: PIQA's, or a context with endings.
type choice struct {
	Goal, Sol1, Sol2 *string
	Context          *string
	Endings          []string
	Label            *int
}

func jsonLines(list []string) (questions []Question, err error) {
	for i, line := range list {
		var q Question
		c, err := readChoice(line)
		if err == nil {
			q, err = c.question()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w: %w", i+1, err, ErrTasks)
		}
		q.Line = i + 1
		questions = append(questions, q)
	}
	return questions, nil
}

// readChoice reads a line; its error names the field.
func readChoice(line string) (c choice, err error) {
	if line == "" {
		return c, errors.New("is empty")
	}
	err = json.Unmarshal([]byte(line), &c)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		want := map[reflect.Kind]string{reflect.Int: "a whole number", reflect.Slice: "a list of strings"}[wrong.Type.Kind()]
		return c, fmt.Errorf("%s: is %s, must be %s", strings.ToLower(wrong.Field), wrong.Value, cmp.Or(want, "a string"))
	}
	return c, err
}

// question frames PIQA's goal as its users do.
func (c choice) question() (q Question, err error) {
	switch {
	case c.Goal != nil && c.Sol1 != nil && c.Sol2 != nil:
		q = Question{Context: "Question: " + *c.Goal + "\nAnswer:", Endings: []string{*c.Sol1, *c.Sol2}}
	case c.Context != nil && len(c.Endings) > 1:
		q = Question{Context: *c.Context, Endings: c.Endings}
	default:
		return q, errors.New("neither goal, sol1 and sol2 nor context and two endings or more")
	}
	for i, e := range append([]string{q.Context}, q.Endings...) {
		if strings.TrimSpace(e) == "" {
			return q, fmt.Errorf("%s is empty", [...]string{"the context", "an ending"}[min(i, 1)])
		}
	}
	switch {
	case c.Label == nil:
		return q, errors.New("no label")
	case *c.Label < 0 || *c.Label >= len(q.Endings):
		return q, fmt.Errorf("label %d: must be 0 to %d", *c.Label, len(q.Endings)-1)
	}
	q.Label = *c.Label
	return q, nil
}
