// SPDX-License-Identifier: Apache-2.0

package input

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		want       Kind
	}{
		{"nothing", "", JSON},
		{"blank", "\n\n", JSON},
		{"a request", `{"resourceMetrics":[]}`, JSON},
		{"a request on many lines", " {\n\t\"resourceMetrics\"", JSON},
		{"an empty object", "{}", JSON},
		{"cut after the brace", "{", JSON},
		{"perf.data", "PERFILE2\x68", Perf},
		{"perf.data of another machine", "2ELIFREP\x00", Perf},
		{"a page whose time begins with a brace", "{\x01\x02\x03\x04\x05\x00\x00\x10", Ftrace},
		{"a page", "\x05\x02\x03\x04\x05\x00\x00\x00\x10", Ftrace},
		{"text", "hello", Ftrace},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, detect([]byte(tt.head))) })
	}
	for _, k := range []Kind{Auto, Perf, JSON, Ftrace} {
		got, err := ParseKind(string(k))
		require.NoError(t, err)
		assert.Equal(t, k, got)
	}
	_, err := ParseKind("xml")
	require.ErrorContains(t, err, `"xml": must be one of auto, perf, json, ftrace`)
}

func TestCPUOf(t *testing.T) {
	for name, want := range map[string]int{
		"cpu3.raw": 3, "/sys/kernel/tracing/per_cpu/cpu12/trace_pipe_raw": 12, "cpu1/cpu2": 2, "x": 0, "cpu": 0,
	} {
		assert.Equal(t, want, cpuOf(name), name)
	}
}

const request = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}`

// recording is one that perf made, of package perfdata's tests.
func recording(t *testing.T) []byte {
	t.Helper()
	f, err := os.Open("../../../../listen/perfdata/testdata/monotonic.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	return b
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, data, 0o600))
	return name
}

// readAll reads to the end, and returns of what origin and size the events were.
func readAll(f *Files) (origins []show.Origin, bytes []int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var ev listen.Event
	for {
		if err := f.Read(ctx, &ev); err != nil {
			return origins, bytes, err
		}
		origins = append(origins, f.Origin())
		bytes = append(bytes, len(ev.Payload))
	}
}

func TestFilesOfSeveralKinds(t *testing.T) {
	js := write(t, "metrics.json", []byte(request+"\n"+request+"\n"))
	perf := write(t, "perf.data", recording(t))
	f := NewFiles([]string{js, perf, "-"}, strings.NewReader(request), Options{Kind: Auto})
	origins, bytes, err := readAll(f)
	require.Equal(t, io.EOF, err)
	require.Greater(t, len(origins), 3)
	last := len(origins) - 1
	assert.Equal(t, []show.Origin{show.MessageOnly, show.MessageOnly, show.Full}, origins[:3])
	assert.Equal(t, []show.Origin{show.Full, show.MessageOnly}, origins[last-1:])
	for i, n := range bytes {
		assert.Positive(t, n, i)
	}
	assert.Equal(t, uint64(len(origins)), f.Stats().Total().Received)
	require.NoError(t, f.Close())
	assert.Empty(t, f.Notes())
}

func TestFilesThatCannotBeRead(t *testing.T) {
	perf := recording(t)
	for _, tt := range []struct {
		name string
		data []byte
		kind Kind
		want string
		is   error
	}{
		{"junk", []byte("hello, this is no recording"), Auto, "neither perf.data nor OTLP/JSON", nil},
		{"JSON of something else", []byte(`{"hello":1}`), Auto, "request 1: no resourceMetrics", nil},
		{"perf.data that is cut off", perf[:200], Auto, "perf", nil},
		{"not perf.data", []byte(request), Perf, "perf", perfdata.ErrFormat},
		{"not JSON", perf, JSON, "request 1", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := write(t, "file", tt.data)
			good := write(t, "good", []byte(request))
			f := NewFiles([]string{name, good}, nil, Options{Kind: tt.kind, Formats: []string{}})
			_, _, err := readAll(f)
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, name)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			_, _, err = readAll(f)
			require.Equal(t, io.EOF, err, "an error is final")
			require.NoError(t, f.Close())
		})
	}
	f := NewFiles([]string{t.TempDir()}, nil, Options{Kind: Auto})
	_, _, err := readAll(f)
	require.ErrorContains(t, err, "is a directory")
	f = NewFiles([]string{"/no/such/file"}, nil, Options{Kind: Auto})
	_, _, err = readAll(f)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// What comes before a file's end that is no good is delivered.
func TestWhatIsWholeComesFirst(t *testing.T) {
	f := NewFiles([]string{write(t, "cut", []byte(request+"\n"+request[:40]))}, nil, Options{Kind: Auto})
	origins, _, err := readAll(f)
	assert.Len(t, origins, 1)
	require.ErrorContains(t, err, "request 2: cut off")
}

// A read of a pipe with nothing in it ends with the context.
func TestWaitingIsInterrupted(t *testing.T) {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	f := NewFiles([]string{"-"}, r, Options{Kind: Auto})
	read := make(chan error)
	go func() {
		var ev listen.Event
		err := f.Read(ctx, &ev)
		if err == nil {
			err = f.Read(ctx, &ev)
		}
		read <- err
	}()
	_, err := w.Write([]byte(request + strings.Repeat(" ", headLength)))
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-read, context.Canceled)
	w.Close()
}

func TestPatientReader(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	want := bytes.Repeat([]byte("0123456789"), 20_000)
	got, err := io.ReadAll(newPatient(ctx, bytes.NewReader(want)))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	boom := errors.New("boom")
	p := newPatient(ctx, io.MultiReader(strings.NewReader("ab"), failing{boom}))
	b := make([]byte, 1)
	for _, want := range []string{"a", "b"} {
		n, err := p.Read(b)
		require.NoError(t, err)
		assert.Equal(t, want, string(b[:n]))
	}
	for range 2 {
		_, err = p.Read(b)
		require.ErrorIs(t, err, boom)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
