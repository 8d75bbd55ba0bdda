// Package core has what all parts of a cache work with: the sizes that follow
// from its shape, room in buffers, and what runs lists.
package core
