// Package session is `qaqvk run`: a model generates text from a cache on a
// device, then the same text is run without compression, and both are compared.
package session
