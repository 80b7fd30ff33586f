// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/vectors"
)

// Every event of a file that LinuxTracepoints' interceptor wrote, field by field.
func TestLinuxTracepointsDecodesTheSame(t *testing.T) {
	const file = "EventHeaderInterceptorLE64.dat"
	var decoded []string
	for _, record := range vectors.Records(t, file) {
		name, err := eventheader.ParseName(record.Tracepoint)
		require.NoError(t, err)
		assert.Equal(t, record.Tracepoint, name.String())
		event, err := eventheader.Parse(record.Data)
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
