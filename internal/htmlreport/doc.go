// Package htmlreport makes a page of a recording: the map of bits, the text, curves and
// tables, in one HTML file that needs nothing else.
package htmlreport
