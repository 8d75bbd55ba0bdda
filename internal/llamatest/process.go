// Package llamatest runs llama.cpp, with its KV cache in qaqvk or without, in processes
// of their own (driver/driver.c), and compares what they answer.
package llamatest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// Options are those of a context. Zero values get defaults.
type Options struct {
	Driver, Libraries, Model string // the program, the folder of llama.cpp's libraries, the GGUF file

	Backend   string   // library that GGML_BACKEND_PATH names; "": none
	Env       []string // more of the environment
	Context   int      // cells; default 512
	Sequences int      // default 1
	Batch     int      // tokens of a graph; default 64
	NoFlash   bool     // without flash attention
	Unified   bool     // all sequences in one stream
	TypeK     string   // default f16
	TypeV     string   // default f16
	Threads   int      // default 1
}

// Token is one of a batch.
type Token struct {
	ID, Position, Sequence int
	Wanted                 bool // its logits are
}

// Process is a running driver.
type Process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	log     logs
	vocab   int

	once  sync.Once // of what ended is
	ended error
}

// wait waits for the end of the process, whoever asks: an exec.Cmd may be waited for once.
func (p *Process) wait() error {
	p.once.Do(func() { p.ended = p.command.Wait() })
	return p.ended
}

// logs keeps what a process says.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func or[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// Start starts a process and loads the model.
func Start(o Options) (*Process, error) {
	p := &Process{command: exec.Command(o.Driver, o.Libraries, o.Model, strconv.Itoa(or(o.Context, 512)), strconv.Itoa(or(o.Sequences, 1)),
		strconv.Itoa(or(o.Batch, 64)), digit(!o.NoFlash), digit(o.Unified), or(o.TypeK, "f16"), or(o.TypeV, "f16"), strconv.Itoa(or(o.Threads, 1)))}
	p.command.Env = append(append(os.Environ(), "LD_LIBRARY_PATH="+o.Libraries), o.Env...)
	if o.Backend != "" {
		p.command.Env = append(p.command.Env, "GGML_BACKEND_PATH="+o.Backend)
	}
	p.command.Stderr = &p.log
	in, err := p.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewReaderSize(out, 1<<20)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	if _, err := p.answer(); err != nil {
		return nil, err
	}
	p.vocab, err = p.Call("vocabulary")
	return p, err
}

// answer reads the number that a command answers.
func (p *Process) answer() (int, error) {
	line, err := p.out.ReadString('\n')
	if err != nil {
		end := p.wait()
		text := p.log.String()
		return 0, fmt.Errorf("llamatest: %w: %v: %s", err, end, text[max(0, len(text)-2000):])
	}
	return strconv.Atoi(strings.TrimSpace(line))
}

// Call runs a command with numbers and returns its answer.
func (p *Process) Call(name string, numbers ...int) (int, error) {
	line := name
	for _, n := range numbers {
		line += " " + strconv.Itoa(n)
	}
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return 0, err
	}
	return p.answer()
}

// Decode runs a batch. It returns the result of llama_decode, 0 for success, and the
// logits of the tokens whose are wanted.
func (p *Process) Decode(batch []Token) (result int, logits [][]float32, err error) {
	numbers, wanted := []int{len(batch)}, 0
	for _, t := range batch {
		w, _ := strconv.Atoi(digit(t.Wanted))
		numbers, wanted = append(numbers, t.ID, t.Position, t.Sequence, w), wanted+w
	}
	result, err = p.Call("decode", numbers...)
	if err != nil || result != 0 {
		return result, nil, err
	}
	data := make([]byte, 4*p.vocab)
	for range wanted {
		if _, err := io.ReadFull(p.out, data); err != nil {
			return 0, nil, err
		}
		row := make([]float32, p.vocab)
		for i := range row {
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		logits = append(logits, row)
	}
	return 0, logits, nil
}

// Tokenize returns the tokens of a text.
func (p *Process) Tokenize(text string) ([]int, error) {
	n, err := p.Call(fmt.Sprintf("tokenize %d\n%s", len(text), text))
	if err != nil || n < 0 {
		return nil, fmt.Errorf("llamatest: %d tokens: %w", n, err)
	}
	data := make([]byte, 4*n)
	if _, err := io.ReadFull(p.out, data); err != nil {
		return nil, err
	}
	out := make([]int, n)
	for i := range out {
		out[i] = int(int32(binary.LittleEndian.Uint32(data[4*i:])))
	}
	return out, nil
}

// Get returns the state of a sequence, -1: of all.
func (p *Process) Get(sequence int) ([]byte, error) {
	n, err := p.Call("get", sequence)
	if err != nil {
		return nil, err
	}
	data := make([]byte, n)
	_, err = io.ReadFull(p.out, data)
	return data, err
}

// Set restores the state of a sequence, -1: of all. It returns the bytes taken, 0 where
// llama.cpp refused it.
func (p *Process) Set(sequence int, data []byte) (int, error) {
	return p.Call(fmt.Sprintf("set %d %d\n%s", sequence, len(data), data))
}

// Log is what the process has said so far.
func (p *Process) Log() string { return p.log.String() }

// Kill ends the process where it is.
func (p *Process) Kill() error {
	if err := p.command.Process.Kill(); err != nil {
		return err
	}
	_ = p.wait() // says that it was killed
	return nil
}

// Close ends the process, frees model and context, and returns an error where that did
// not go well.
func (p *Process) Close() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	if err := p.wait(); err != nil {
		text := p.log.String()
		return fmt.Errorf("llamatest: %w: %s", err, text[max(0, len(text)-2000):])
	}
	return nil
}
