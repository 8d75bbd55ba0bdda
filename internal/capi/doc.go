// Package capi is what is behind the C interface (include/qaqvk.h) but for C: handles,
// codes of errors, configurations, and one call of a cache at a time. cmd/libqaqvk has
// the functions that C calls, which translate arguments and nothing else.
package capi
