// Package report prints results: tables for people, JSON for programs. The
// JSON fields are a contract; new ones may be added, none is renamed.
package report
