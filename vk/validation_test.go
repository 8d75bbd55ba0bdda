package vk

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestValidationSpeaks is the control of all silent tests: a missing barrier
// between two writes is reported.
func TestValidationSpeaks(t *testing.T) {
	d, err := Open(Options{Device: testDevice(), Validation: true})
	require.NoError(t, err)
	b := buffer(t, d, "b", 64, DeviceLocal)
	r := recorder(t, d)
	r.Fill(b, 0, 64, 1)
	r.Fill(b, 0, 64, 2)
	require.NoError(t, r.End())
	run(t, d, r)
	messages := d.ValidationMessages()
	require.Len(t, messages, 1)
	require.Contains(t, messages[0], "Hazard WRITE_AFTER_WRITE")
	r.Release()
	b.Release()
	require.NoError(t, d.Close())
	require.Equal(t, messages, d.ValidationMessages())
}

func TestNoMessagesWithoutValidation(t *testing.T) {
	d, err := Open(Options{Device: testDevice()})
	require.NoError(t, err)
	require.Nil(t, d.ValidationMessages())
	require.NoError(t, d.Close())
	requireZero(t, d)
}
