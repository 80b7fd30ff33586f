// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// vectors returns a file of LinuxTracepoints' folder TestOutput.
func vectors(t *testing.T, name string) []byte {
	t.Helper()
	folder := os.Getenv("USEREVENTS_VECTORS")
	if folder == "" {
		t.Skip("USEREVENTS_VECTORS does not say where LinuxTracepoints' TestOutput is")
	}
	content, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return content
}

// linuxTracepointsJSON returns what LinuxTracepoints' decoder makes of each event of a file, without blanks. Code units
// that are no code points, which that decoder encodes as if they were, become U+FFFD.
func linuxTracepointsJSON(t *testing.T, file string) (events []string) {
	t.Helper()
	text := vectors(t, file+".linux.json")
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	var byFile map[string][]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte("{"+string(text)+"}"), &byFile))
	for _, event := range byFile[file] {
		var compact bytes.Buffer
		require.NoError(t, json.Compact(&compact, event))
		events = append(events, compact.String())
	}
	return events
}

// Every event of a file that LinuxTracepoints' interceptor wrote, field by field.
func TestLinuxTracepointsDecodesTheSame(t *testing.T) {
	const file = "EventHeaderInterceptorLE64.dat"
	records := vectors(t, file)
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
	expected := linuxTracepointsJSON(t, file)
	require.NotEmpty(t, expected)
	require.Len(t, decoded, len(expected))
	for i := range expected {
		assert.Equal(t, expected[i], decoded[i])
	}
}
