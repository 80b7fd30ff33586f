// SPDX-License-Identifier: Apache-2.0

package ftraceraw

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testdata/pages is of a Linux 6.12: five events of the layout with three
// fields, with pauses of 200 ms, which is more than 27 bits of nanoseconds.
func TestRecording(t *testing.T) {
	pages, err := os.ReadFile("testdata/pages")
	require.NoError(t, err)
	events, lost, err := Parse(pages, 4096)
	require.NoError(t, err)
	assert.Zero(t, lost)
	require.Len(t, events, 5)
	for i, ev := range events {
		assert.Equal(t, fmt.Sprintf("payload %d", i), string(bytes.TrimRight(ev.Raw[24:], "\x00")))
		if i > 0 {
			assert.GreaterOrEqual(t, ev.Time-events[i-1].Time, uint64(200*time.Millisecond))
		}
	}
	_, _, err = Parse(pages[:4000], 4096)
	require.ErrorIs(t, err, ErrFormat)
	_, _, err = Parse(pages[:64], 64)
	require.ErrorIs(t, err, ErrFormat, "more in it than it has")
}
