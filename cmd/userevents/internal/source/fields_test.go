// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/vectors"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// readText is what a text has in it, and the error of its end.
func readText(t testing.TB, text string) ([]source.Event, error) {
	t.Helper()
	return readAll(t, source.NewFiles([]string{"-"}, strings.NewReader(text), source.FileOptions{}))
}

func readAll(t testing.TB, files *source.Files) (events []source.Event, err error) {
	t.Helper()
	defer func() { require.NoError(t, files.Close()) }()
	for {
		var ev source.Event
		if err := files.Read(t.Context(), &ev); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			return events, err
		}
		ev.Payload = bytes.Clone(ev.Payload)
		events = append(events, ev)
	}
}

func toJSON(t testing.TB, ev *source.Event) string {
	t.Helper()
	text, err := ev.AppendJSON(nil)
	require.NoError(t, err)
	return string(text)
}

// An event that was written as JSON is the same JSON when it has been read.
func TestFieldsThroughJSON(t *testing.T) {
	var texts []string
	for _, ev := range commandtest.FieldEvents(t) {
		decoded := source.Decode(ev)
		require.NoError(t, decoded.Err)
		texts = append(texts, toJSON(t, &decoded))
	}
	read, err := readText(t, strings.Join(texts, "\n"))
	require.NoError(t, err)
	require.Len(t, read, len(texts))
	for i := range read {
		require.NoError(t, read[i].Err, texts[i])
		assert.Equal(t, texts[i], toJSON(t, &read[i]))
		assert.False(t, read[i].MessageOnly)
	}
	assert.Equal(t, "Shop_L3K1f", read[0].Tracepoint)
	assert.Zero(t, read[2].Level, "the kernel's have none")
	assert.Equal(t, "sched:sched_process_exec", read[2].Tracepoint)
}

// Whatever C and C++ programs have written, which LinuxTracepoints has recorded.
func TestVectorsThroughJSON(t *testing.T) {
	for _, name := range []string{"perf.data", "pipe.data"} {
		var texts []string
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, vectors.File(t, name), 0o600))
		recorded, err := readAll(t, source.NewFiles([]string{path}, nil, source.FileOptions{Events: []string{"*:*"}}))
		require.NoError(t, err)
		for _, ev := range recorded {
			require.NoError(t, ev.Err)
			texts = append(texts, toJSON(t, &ev))
		}
		assert.Greater(t, len(texts), 500)
		read, err := readText(t, strings.Join(texts, "\n"))
		require.NoError(t, err)
		require.Len(t, read, len(texts))
		for i := range read {
			require.NoError(t, read[i].Err, texts[i])
			assert.Equal(t, texts[i], toJSON(t, &read[i]))
		}
	}
}

// What is no event is refused, with the reason, and what follows is read.
func TestJSONThatIsNoEvent(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no name", `{"a":1,"n":"Shop:order","meta":{"level":4}}`, `it must begin with "n"`},
		{"no provider", `{"n":"order","meta":{"level":4}}`, `it must begin with "n"`},
		{"a name that is a number", `{"n":5,"meta":{"level":4}}`, `it must begin with "n"`},
		{"fields behind meta", `{"n":"Shop:order","meta":{},"a":1}`, `end with "meta"`},
		{"a level that is too large", `{"n":"Shop:order","meta":{"level":256}}`, "meta: "},
		{"a keyword that is none", `{"n":"Shop:order","meta":{"keyword":"all"}}`, "meta: "},
		{"an activity that is none", `{"n":"Shop:order","meta":{"activity":"ab"}}`, "is no UUID"},
		{"a mixed array", `{"n":"Shop:order","a":[1,"b"],"meta":{}}`, `field "a": values of several types`},
		{"signs and large numbers", `{"n":"Shop:order","a":[-1,18446744073709551615],"meta":{}}`, "several types"},
		{"an array of arrays", `{"n":"Shop:order","a":[[1]],"meta":{}}`, "an array within an array"},
		{"an empty struct", `{"n":"Shop:order","a":{},"meta":{}}`, "a struct without fields"},
		{"structs that differ", `{"n":"Shop:order","a":[{"b":1},{"c":1}],"meta":{}}`, "several types"},
		{"a field of structs that differs", `{"n":"Shop:order","a":[{"b":1},{"b":"x"}],"meta":{}}`,
			`field "b": values of`},
		{"deep structs", `{"n":"Shop:order","a":` + strings.Repeat(`{"a":`, 20) + `1` + strings.Repeat(`}`, 20) +
			`,"meta":{}}`, "structs"},
		{"a NUL in a name", `{"n":"Shop:order","a\u0000":1,"meta":{}}`, "NUL"},
		{"too large", `{"n":"Shop:order","a":"` + strings.Repeat("x", 70_000) + `","meta":{}}`, "70000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, err := readText(t, tt.text+"\n"+`{"n":"Shop:next","meta":{}}`)
			require.NoError(t, err)
			require.Len(t, events, 2)
			require.ErrorContains(t, events[0].Err, tt.want)
			assert.True(t, events[0].MessageOnly)
			require.NoError(t, events[1].Err)
		})
	}
}

// A line that is cut off ends where an event begins.
func TestEventBehindALineThatIsCutOff(t *testing.T) {
	const event = `{"n":"Shop:order","meta":{"level":4}}`
	events, err := readText(t, event[:25]+"\n"+event+"\n"+`{"resourceMetrics":[`+"\n"+event)
	require.ErrorContains(t, err, "2 damaged")
	require.Len(t, events, 4)
	for i, ev := range events {
		assert.Equal(t, i%2 == 0, ev.Err != nil, "%d: %v", i, ev.Err)
	}
}

// Bytes that are no event, or whose fields do not fit, have an error that says so.
func TestDecodeRefusesFields(t *testing.T) {
	events := commandtest.FieldEvents(t)
	header, plain := events[0], events[2]
	header.Payload = header.Payload[:len(header.Payload)-10]
	require.ErrorIs(t, source.Decode(header).Err, eventheader.ErrMalformed)
	header.Payload = header.Payload[:4]
	require.ErrorIs(t, source.Decode(header).Err, listen.ErrUndecodable)
	plain.Payload = plain.Payload[:22]
	require.ErrorContains(t, source.Decode(plain).Err, "field filename: not inside the record")
}

func TestFilterOfFields(t *testing.T) {
	for _, tt := range []struct {
		level eventheader.Level
		where []string
		want  []int // of FieldEvents
	}{
		{0, nil, []int{0, 1, 2}},
		{eventheader.LevelVerbose, nil, []int{0, 1}},
		{eventheader.LevelWarning, nil, []int{0, 1}},
		{eventheader.LevelError, nil, nil},
		{0, []string{"n=Shop:*"}, []int{0, 1}},
		{0, []string{"n=sched:sched_process_exec"}, []int{2}},
		{0, []string{"pid=7"}, []int{2}},
		{0, []string{"PartB.name=order*"}, []int{0}},
		{0, []string{"name=order*"}, nil},
		{0, []string{"PartB.inner.n=-1", "port=443", "codes=200"}, []int{0}},
		{0, []string{"PartB.inner.n=-1", "port=444"}, nil},
		{0, []string{"items.name=ink"}, []int{0}},
		{0, []string{"errno=ENOENT(*"}, []int{0}},
		{eventheader.LevelWarning, []string{"time;taken=0.25"}, []int{0}},
	} {
		s := &source.Session{Filter: source.Filter{Level: tt.level}}
		for _, text := range tt.where {
			require.NoError(t, s.Filter.AddWhere(text))
		}
		events := commandtest.FieldEvents(t)
		var got []int
		s.Show = func(ev *source.Event) error {
			for i := range events {
				if &events[i].Payload[0] == &ev.Payload[0] {
					got = append(got, i)
				}
			}
			return nil
		}
		require.NoError(t, s.Listen(done(), &played{events: slices.Clone(events)}))
		assert.Equal(t, tt.want, got, tt)
		assert.Equal(t, source.Status{Events: uint64(len(tt.want))}, s.Status())
	}
	require.ErrorContains(t, new(source.Filter).AddWhere("name"), "must be key=value")
}

// Whatever JSON is read as an event is written as the same from then on.
func FuzzEventJSON(f *testing.F) {
	for _, ev := range commandtest.FieldEvents(f) {
		decoded := source.Decode(ev)
		f.Add(toJSON(f, &decoded))
	}
	f.Add(`{"n":"a:b;c","a;;b;c=d;tag=0x1":[null,1],"b":[{"c":[]},{"c":["x"]}],"meta":{"tag":"0xffff","opcode":240}}`)
	f.Fuzz(func(t *testing.T, text string) {
		events, _ := readText(t, text) // the end may say how much was damaged
		for _, ev := range events {
			if ev.Err != nil || ev.HasMetrics() {
				continue
			}
			require.NoError(t, source.Decode(ev.Event).Err)
			once := toJSON(t, &ev)
			again, err := readText(t, once)
			require.NoError(t, err)
			require.Len(t, again, 1, once)
			require.NoError(t, again[0].Err, once)
			require.Equal(t, once, toJSON(t, &again[0]))
		}
	})
}
