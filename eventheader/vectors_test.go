// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/vectors"
)

// Every event of a file that LinuxTracepoints' interceptor wrote, field by field.
func TestLinuxTracepointsDecodesTheSame(t *testing.T) {
	const file = "EventHeaderInterceptorLE64.dat"
	records := vectors.File(t, file)
	var decoded []string
	for len(records) > 0 {
		size := binary.LittleEndian.Uint32(records)
		tracepoint, data, found := bytes.Cut(records[4:size], []byte{0})
		require.True(t, found)
		records = records[size:]

		name, err := eventheader.ParseName(string(tracepoint))
		require.NoError(t, err)
		assert.Equal(t, string(tracepoint), name.String())
		event, err := eventheader.Parse(data)
		require.NoError(t, err, name)
		assert.Equal(t, name.Level, event.Level)
		text, err := event.AppendJSON(nil, name, "")
		require.NoError(t, err, name)
		decoded = append(decoded, string(text))
	}
	expected := vectors.JSON(t, file)
	require.Len(t, decoded, len(expected))
	for i := range expected {
		assert.Equal(t, expected[i], decoded[i])
	}
}
