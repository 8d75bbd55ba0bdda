// Package page has what the project's HTML pages have in common: their look, in light,
// dark and on paper, and vector plots. Plots lie in a figure each.
package page
