package conformance

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
)

// Expected is expected.json: what the reference gives for every case.
type Expected struct {
	Sources string            `json:"sources"` // digest of what the digests were made from
	Digest  string            `json:"digest"`  // of a run of all cases
	Cases   map[string]string `json:"cases"`   // digest by name
}

//go:embed expected.json
var expectedJSON []byte

func loadExpected() (*Expected, error) {
	var e Expected
	if err := json.Unmarshal(expectedJSON, &e); err != nil {
		return nil, fmt.Errorf("conformance: expected.json: %w", err)
	}
	return &e, nil
}

// digestOf is the SHA-256 over the words of all outputs of a program.
func digestOf(p *program, words [][]uint32) string {
	h := sha256.New()
	for i, b := range p.buffers {
		if b.output {
			h.Write(littleEndian(words[i]))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func littleEndian(words []uint32) []byte {
	out := make([]byte, 0, 4*len(words))
	for _, w := range words {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return out
}

// runDigest adds up the digests of cases in order.
type runDigest struct{ hash.Hash }

func newRunDigest() runDigest { return runDigest{sha256.New()} }

func (d runDigest) add(name, digest string) { fmt.Fprintf(d, "%s %s\n", name, digest) }

func (d runDigest) String() string { return hex.EncodeToString(d.Sum(nil)) }
