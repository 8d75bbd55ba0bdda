package window

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCopyPicture(t *testing.T) {
	in := []byte{1, 2, 3, 4, 5, 6, 7, 8, 250, 251, 252, 255}
	out := make([]byte, len(in))
	copyPicture(out, in, true)
	require.Equal(t, []byte{3, 2, 1, 4, 7, 6, 5, 8, 252, 251, 250, 255}, out)
	copyPicture(out, in, false)
	require.Equal(t, in, out)
}
