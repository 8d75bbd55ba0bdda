package generate

import _ "embed"

// DefaultPrompt is an instruction with a text to summarise, of more than 300
// tokens.
//
//go:embed prompt.txt
var DefaultPrompt string
