// SPDX-License-Identifier: Apache-2.0

package source

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

	kzstd "github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDetect(t *testing.T) {
	page := "\x05\x02\x03\x04\x05\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"
	for _, tt := range []struct {
		name, head string
		want       fileFormat
		err        string
	}{
		{"nothing", "", otlpJSON, ""},
		{"blank", "\n\n", otlpJSON, ""},
		{"a request", `{"resourceMetrics":[]}`, otlpJSON, ""},
		{"a request on many lines", " {\n\t\"resourceMetrics\"", otlpJSON, ""},
		{"an array", "[\n", otlpJSON, ""},
		{"a byte order mark", "\ufeff{", otlpJSON, ""},
		{"cut after the brace", "{", otlpJSON, ""},
		{"perf.data", "PERFILE2\x68", perfData, ""},
		{"perf.data of another machine", "2ELIFREP\x00", perfData, ""},
		{"perf.data of an old perf", "PERFFILE\x68", perfData, ""},
		{"gzip", "\x1f\x8b\x08", gzipped, ""},
		{"zstd", "\x28\xb5\x2f\xfd\x04", zstd, ""},
		{"xz", "\xfd7zXZ\x00\x00", "", `is compressed by xz: use "xz -dc FILE | userevents decode -"`},
		{"bzip2", "BZh91AY", "", "is compressed by bzip2"},
		{"lz4", "\x04\x22\x4d\x18", "", "is compressed by lz4"},
		{"zip", "PK\x03\x04", "", "is a zip archive"},
		{"trace-cmd", "\x17\x08\x44tracing6", "", "is trace.dat of trace-cmd"},
		{"UTF-16", "\xff\xfe{\x00", "", "is UTF-16 text"},
		{"Prometheus", "# HELP up\n", "", "is Prometheus text"},
		{"ftrace's text", "# tracer: nop\n", "", "is ftrace's output, which is not read: use \"perf record"},
		{"ftrace's text without its head", "   app-12      [000] .....   100.12: otlp_metrics: ", "",
			"is ftrace's output"},
		{"a page", page, "", "is ftrace's output"},
		{"a page of lost events", page[:11] + "\xc0" + page[12:], "", "is ftrace's output"},
		{"a page whose time begins with a brace", "{" + page[1:], "", "is ftrace's output"},
		{"protobuf", "\n\x7f\n\x0f\n\x0dservice.name!", "", "is OTLP in protobuf"},
		{"protobuf with its length", "\x00\x00\x01\x00\x0a\xfd\x01", "", "is OTLP in protobuf"},
		{"text", "hello\nworld", "", `is neither perf.data nor OTLP/JSON: it begins with "hello\nworld"`},
		{"bytes", "\x00\xff\x01\xfe", "", "is neither perf.data nor OTLP/JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := detect([]byte(tt.head))
			assert.Equal(t, tt.want, got)
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.err)
			}
		})
	}
}

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

func gzipOf(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func zstdOf(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := kzstd.NewWriter(nil)
	require.NoError(t, err)
	defer z.Close()
	return z.EncodeAll(data, nil)
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, data, 0o600))
	return name
}

// readAll reads to the end.
func readAll(f *Files) (events []Event, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		var ev Event
		if err := f.Read(ctx, &ev); err != nil {
			return events, err
		}
		events = append(events, ev)
	}
}

// What a stream has so far is read, though that is little.
func TestAShortRequestIsReadAtOnce(t *testing.T) {
	r, w := io.Pipe()
	go func() { _, _ = io.WriteString(w, request[:len(request)-1]+"\n}") }()
	f := NewFiles([]string{"-"}, r, FileOptions{})
	var ev Event
	require.NoError(t, f.Read(t.Context(), &ev))
	require.NoError(t, w.Close())
	require.Equal(t, io.EOF, f.Read(t.Context(), &ev))
}

func TestFilesOfSeveralFormats(t *testing.T) {
	js := write(t, "metrics.json", []byte(request+"\n"+request+"\n"))
	perf := write(t, "perf.data", recording(t))
	f := NewFiles([]string{js, perf, "-"}, strings.NewReader(request), FileOptions{})
	events, err := readAll(f)
	require.Equal(t, io.EOF, err)
	last := len(events) - 1
	require.Greater(t, last, 3)
	for i, ev := range events {
		assert.Equal(t, i < 2 || i == last, ev.MessageOnly)
	}
	for _, i := range []int{0, 1, last} {
		assert.Equal(t, 1, events[i].Metrics.DataPointCount())
	}
	require.NoError(t, f.Close())
	assert.Empty(t, f.Notes())
}

func TestCompressedFiles(t *testing.T) {
	perf := recording(t)
	want, err := readAll(NewFiles([]string{write(t, "perf.data", perf)}, nil, FileOptions{}))
	require.Equal(t, io.EOF, err)
	require.NotEmpty(t, want)
	for _, tt := range []struct {
		name   string
		data   []byte
		events int
	}{
		{"gzip", gzipOf(t, []byte(request)), 1},
		{"zstd", zstdOf(t, []byte(request+request)), 2},
		{"gzip, one after the other", append(gzipOf(t, []byte(request)), gzipOf(t, []byte(request))...), 2},
		{"gzip in zstd", zstdOf(t, gzipOf(t, []byte(request))), 1},
		{"gzip of nothing", gzipOf(t, nil), 0},
		{"perf.data", gzipOf(t, perf), len(want)},
		{"perf.data in zstd", zstdOf(t, perf), len(want)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, names := range [][]string{{write(t, "file", tt.data)}, {"-"}} {
				f := NewFiles(names, bytes.NewReader(tt.data), FileOptions{})
				events, err := readAll(f)
				assert.Equal(t, io.EOF, err)
				assert.Len(t, events, tt.events)
				require.NoError(t, f.Close())
			}
		})
	}
	often := []byte(request)
	for range 5 {
		often = gzipOf(t, often)
	}
	_, err = readAll(NewFiles([]string{"-"}, bytes.NewReader(often), FileOptions{}))
	require.EqualError(t, err, "stdin: is compressed more than 4 times")
	cut := gzipOf(t, []byte(request+"\n"+strings.Repeat(" ", 100_000)+request))
	events, err := readAll(NewFiles([]string{write(t, "cut.gz", cut[:len(cut)-20])}, nil, FileOptions{}))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Len(t, events, 1, "what is whole is read")
	_, err = readAll(NewFiles([]string{write(t, "x.gz", gzipOf(t, []byte("hello")))}, nil, FileOptions{}))
	require.ErrorContains(t, err, "it begins with \"hello\"")
}

// What cannot be read is named, and the files after it are read all the same.
func TestFilesThatCannotBeRead(t *testing.T) {
	perf := recording(t)
	for _, tt := range []struct {
		name string
		data []byte
		want string
		is   error
	}{
		{"text", []byte("hello, this is no recording"), "is neither perf.data nor OTLP/JSON", nil},
		{"perf.data that is cut off", perf[:200], "perf", perfdata.ErrTruncated},
		{"JSON that is cut off", []byte(request + "\n" + request[:40]), "1 damaged request", nil},
		{"an old perf.data", []byte("PERFFILE" + request), "perf", perfdata.ErrFormat},
		{"not gzip", []byte("\x1f\x8bxxxxxxxxxxxxxxx"), "gzip", gzip.ErrHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := write(t, "file", tt.data)
			good := write(t, "good", []byte(request))
			f := NewFiles([]string{name, good}, nil, FileOptions{})
			events, err := readAll(f)
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, name)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			assert.NotEmpty(t, events, "of the other file")
			require.NoError(t, f.Close())
		})
	}
	dir := t.TempDir()
	f := NewFiles([]string{dir, "/no/such/file", "/no/such/per_cpu/cpu0/trace_pipe_raw", "/no/such/trace_pipe"}, nil,
		FileOptions{})
	_, err := readAll(f)
	require.ErrorContains(t, err, dir+": is a directory")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "/trace_pipe_raw: is ftrace's output")
	require.ErrorContains(t, err, "/trace_pipe: is ftrace's output")
}

// Requests that cannot be decoded are events without metrics.
func TestUndecodableRequests(t *testing.T) {
	name := write(t, "metrics.json", []byte(request+"\n{\"resourceMetrics\":7}\n"+request))
	f := NewFiles([]string{name}, nil, FileOptions{})
	events, err := readAll(f)
	require.Equal(t, io.EOF, err, "the file is not damaged")
	require.Len(t, events, 3)
	require.ErrorContains(t, events[1].Err, name+": request 2: ")
	assert.True(t, events[1].MessageOnly)
}

// A read of a pipe with nothing in it ends with the context.
func TestWaitingIsInterrupted(t *testing.T) {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	f := NewFiles([]string{"-"}, r, FileOptions{})
	read := make(chan error)
	go func() {
		var ev Event
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

func TestContextReader(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	want := bytes.Repeat([]byte("0123456789"), 20_000)
	got, err := io.ReadAll(newContextReader(ctx, bytes.NewReader(want)))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	boom := errors.New("boom")
	p := newContextReader(ctx, io.MultiReader(strings.NewReader("ab"), failing{boom}))
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
