package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/qaqvk/qaqvk/shaders"
)

// Case is one vector. Elements and groups are ordered by token, layer, head,
// element, which makes the elements of a group consecutive at every level.
type Case struct {
	Name       string // base name of the file
	Parameters Parameters

	Layers, Heads, Tokens, HeadDim int

	Cache       []float32 // T*L*H*D
	Attention   []float32 // L*H*T*T: layer, head, query, token
	Bits        []uint8   // one a group
	Outliers    []bool    // T*L*H*D
	Dequantized []float32 // T*L*H*D
}

// Parameters are the settings of the authors' quantizer.
type Parameters struct {
	Side          string  // "key" or "value"
	Level         string  // "head", "layer" or "token"
	Method        string  // "uniform" or "normal"
	Alpha         float64 // part of a group that is outliers, both ends together
	AverageBits   float64 // by the authors' own accounting
	UseAttentions bool    // bits follow attention; else every group has FixedBits
	FixedBits     int
	Window        int     // n, the attention rows that count
	Error         float64 // sigma_max, the error to be tolerated
	MinBits       int
	MaxBits       int
	QueryNorm     float64 // squared norm of the queries, keys only
}

// Load reads a vector. Errors name the file and what is wrong in it.
func Load(path string) (*Case, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	c, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("reference: %s: %w", filepath.Base(path), err)
	}
	c.Name = strings.TrimSuffix(filepath.Base(path), ".safetensors")
	return c, nil
}

// GroupsPerToken is L*H at level head, L at level layer, 1 at level token.
func (c *Case) GroupsPerToken() int {
	switch c.Parameters.Level {
	case "head":
		return c.Layers * c.Heads
	case "layer":
		return c.Layers
	}
	return 1
}

// Groups is the number of groups of the case.
func (c *Case) Groups() int { return c.Tokens * c.GroupsPerToken() }

// layout is what the kernels are specialized for. Elements are f32.
func (c *Case) layout() shaders.Layout {
	rows := c.Layers * c.Heads / c.GroupsPerToken()
	low, high := shaders.Outliers(c.Parameters.Alpha, rows*c.HeadDim)
	return shaders.Layout{Type: shaders.TypeF32, HeadDim: c.HeadDim, Rows: rows, Low: low, High: high}
}
