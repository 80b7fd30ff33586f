// SPDX-License-Identifier: Apache-2.0

// Package vectors finds the test data of others: LinuxTracepoints' folder
// TestOutput, where the variable USEREVENTS_VECTORS says it is. Without the
// variable a test is skipped, with it a file that is missing is a failure.
package vectors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// File returns a file.
func File(t testing.TB, name string) []byte {
	t.Helper()
	folder := os.Getenv("USEREVENTS_VECTORS")
	if folder == "" {
		t.Skip("USEREVENTS_VECTORS does not say where LinuxTracepoints' TestOutput is")
	}
	content, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return content
}

// JSON returns the text of each event of a file by LinuxTracepoints' decoder,
// without blanks. Code units that are no code points, which that decoder encodes
// as if they were, become U+FFFD.
func JSON(t testing.TB, file string) (events []string) {
	t.Helper()
	text := File(t, file+".linux.json")
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	var byFile map[string][]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte("{"+string(text)+"}"), &byFile))
	for _, list := range byFile { // of one recording
		for _, event := range list {
			var compact bytes.Buffer
			require.NoError(t, json.Compact(&compact, event))
			events = append(events, compact.String())
		}
	}
	require.NotEmpty(t, events)
	return events
}

// Record is an event in a .dat file.
type Record struct {
	Tracepoint string
	Data       []byte // from the event's flags on
}

// Records returns the events in a .dat file: for each its size as a little-endian u32, these 4 bytes included, the
// tracepoint's name with a NUL, and the event.
func Records(t testing.TB, file string) (records []Record) {
	t.Helper()
	rest := File(t, file)
	for len(rest) > 0 {
		size := binary.LittleEndian.Uint32(rest)
		tracepoint, data, found := bytes.Cut(rest[4:size], []byte{0})
		require.True(t, found)
		records = append(records, Record{string(tracepoint), data})
		rest = rest[size:]
	}
	return records
}
