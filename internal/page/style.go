package page

import (
	_ "embed"
	"html/template"
)

//go:embed style.css
var style string

// Style is the style sheet of pages.
func Style() template.CSS { return template.CSS(style) }
