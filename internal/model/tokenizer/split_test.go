package tokenizer

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWords(t *testing.T) {
	const text = "I'LL say  hi,\n\n you'll pay 1234 €!\t "
	for _, c := range []struct {
		pre  string
		want []string
	}{
		{"gpt-2", []string{"I", "'", "LL", " say", " ", " hi", ",", "\n\n", " you", "'ll", " pay", " 1234", " €!", "\t "}},
		{"smollm", []string{"I", "'", "LL", " say", " ", " hi", ",", "\n\n", " you", "'ll", " pay", " ", "1", "2", "3", "4", " €!", "\t "}},
		{"llama-bpe", []string{"I", "'LL", " say", " ", " hi", ",\n\n", " you", "'ll", " pay", " ", "123", "4", " €!", "\t "}},
		{"qwen2", []string{"I", "'LL", " say", " ", " hi", ",\n\n", " you", "'ll", " pay", " ", "1", "2", "3", "4", " €!", "\t "}},
	} {
		t.Run(c.pre, func(t *testing.T) {
			s, err := newSplitter(c.pre)
			require.NoError(t, err)
			got, err := s.words(text)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}
