// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/vectors"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// What is printed in another way: fields of types that LinuxTracepoints' decoder
// does not know, pid_t here, which are numbers in ours; processes without a number,
// which have the pid 0 in ours; and tags of fields, which ours prints here too, as
// theirs does for the events of its interceptor.
var (
	hexNumbers = regexp.MustCompile(`("(?:prev|next)_pid":)"0x([0-9A-F]+)"`)
	noProcess  = strings.NewReplacer(`"pid":4294967295,"tid":4294967295`, `"pid":0,"tid":0`)
	fieldTags  = regexp.MustCompile(`;tag=0x[0-9A-F]+"`)
)

func theirs(t *testing.T, text string) string {
	return noProcess.Replace(hexNumbers.ReplaceAllStringFunc(text, func(s string) string {
		parts := hexNumbers.FindStringSubmatch(s)
		n, err := strconv.ParseUint(parts[2], 16, 64)
		require.NoError(t, err)
		return parts[1] + strconv.FormatUint(n, 10)
	}))
}

func ours(text []byte) string { return fieldTags.ReplaceAllString(string(text), `"`) }

var timeInJSON = regexp.MustCompile(`"meta":{"time":"([^"]*)"`)

// inOrder sorts by time what LinuxTracepoints' tools print one CPU after another.
func inOrder(t *testing.T, events []string) []string {
	at := func(event string) string {
		found := timeInJSON.FindStringSubmatch(event)
		require.NotNil(t, found, event)
		return found[1]
	}
	slices.SortStableFunc(events, func(a, b string) int { return strings.Compare(at(a), at(b)) })
	return events
}

// What LinuxTracepoints' tools decode of its recordings, and what this package
// does: each event, field by field and in the same order, with time, CPU and pid.
func TestLinuxTracepointsRecordings(t *testing.T) {
	for _, file := range []string{"perf.data", "pipe.data"} {
		t.Run(file, func(t *testing.T) {
			data, expected := vectors.File(t, file), inOrder(t, vectors.JSON(t, file))
			r, err := perfdata.NewReader(bytes.NewReader(data), perfdata.Options{Events: []string{"*:*"}})
			require.NoError(t, err)
			layouts := map[listen.Layout]int{}
			n := 0
			for ev, err := range r.All() {
				require.NoError(t, err)
				layouts[ev.Layout]++
				text, err := ev.AppendJSON(nil)
				require.NoError(t, err)
				require.Less(t, n, len(expected))
				assert.Equal(t, theirs(t, expected[n]), ours(text))
				n++
			}
			assert.Len(t, expected, n)
			assert.Equal(t, uint64(n), r.Stats().Received)
			assert.NotZero(t, layouts[listen.LayoutEventHeader])
			assert.NotZero(t, layouts[listen.LayoutAny])
			t.Log(layouts)
		})
	}
}
