// Package page has what the project's HTML pages have in common: their look, in light,
// dark and on paper, and vector plots.
package page
