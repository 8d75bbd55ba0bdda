// Package paper runs the exhibits of the QAQ paper (arXiv 2403.04643) again, on
// the model, text and tasks that it is given, with what else a user could pick
// beside them, and writes one HTML page with vector plots and a CSV file behind
// each exhibit.
//
// All figures come from one run of many methods (methods.go), as eval has them;
// an exhibit is a view of its rows (exhibits.go).
package paper
