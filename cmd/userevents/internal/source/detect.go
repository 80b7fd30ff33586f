// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// fileFormat is what a file has in it.
type fileFormat string

const (
	perfData fileFormat = "perf.data" // as a file or a stream
	otlpJSON fileFormat = "OTLP/JSON" // requests
	// Within these is another format.
	gzipped fileFormat = "gzip"
	zstd    fileFormat = "zstd"
)

// headLength is how much of a file detect wants, in bytes.
const headLength = 512

// shortestHead is how much detect takes to distinguish the formats, in bytes.
const shortestHead = 16

// magic numbers of what files may be. The formats with advice are not read.
var magic = []struct {
	prefix string
	format fileFormat
	advice string
}{
	{"PERFILE2", perfData, ""},
	{"2ELIFREP", perfData, ""}, // of a machine with the other byte order
	{"PERFFILE", perfData, ""}, // of an old perf, for the reader to refuse
	{"\x1f\x8b", gzipped, ""},
	{"\x28\xb5\x2f\xfd", zstd, ""},
	{"\xfd7zXZ\x00", "", `compressed by xz: use "xz -dc FILE | userevents decode -"`},
	{"BZh", "", `compressed by bzip2: use "bzip2 -dc FILE | userevents decode -"`},
	{"\x04\x22\x4d\x18", "", `compressed by lz4: use "lz4 -dc FILE | userevents decode -"`},
	{"PK\x03\x04", "", `a zip archive: use "unzip -p FILE | userevents decode -"`},
	{"\x17\x08\x44tracing", "", "trace.dat of trace-cmd, which is not read: record with \"perf record\""},
	{"\xc1\x1f\xfc\xc1", "", "a CTF trace, which is not read: record with \"perf record\""},
	{"\x7fELF", "", "an ELF file"},
	{"\xff\xfe", "", "UTF-16 text: convert it to UTF-8"},
	{"\xfe\xff", "", "UTF-16 text: convert it to UTF-8"},
	{"# HELP ", "", "Prometheus text, which is not read"},
	{"# TYPE ", "", "Prometheus text, which is not read"},
	{"# tracer: ", "", ftraceAdvice},
}

const ftraceAdvice = `ftrace's output, which is not read: use "perf record -a -e user_events:otlp_metrics"`

// ftraceLine is how a line of ftrace's text begins: process, thread and CPU.
var ftraceLine = regexp.MustCompile(`^[^\n]*-\d+ +(\([ \d-]+\) +)?\[\d+\] `)

// detect recognizes a file by its beginning. An empty one is a recording of
// nothing. The error says what a file is that is not read.
func detect(head []byte) (fileFormat, error) {
	for _, m := range magic {
		switch {
		case !bytes.HasPrefix(head, []byte(m.prefix)):
		case m.format == "":
			return "", fmt.Errorf("is %s", m.advice)
		default:
			return m.format, nil
		}
	}
	rest := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	switch {
	case len(rest) == 0:
		return otlpJSON, nil
	case isPage(head), ftraceLine.Match(rest):
		return "", fmt.Errorf("is %s", ftraceAdvice)
	// Before these a page: it begins with a time, whose first byte may be a brace.
	case rest[0] == '{' || rest[0] == '[':
		return otlpJSON, nil
	case len(head) > 5 && head[0] == 0 && head[4] == resourceMetrics || len(head) > 2 && head[0] == resourceMetrics:
		return "", errors.New("is OTLP in protobuf, which is not read: have it written as JSON")
	}
	return "", fmt.Errorf("is neither perf.data nor OTLP/JSON: it begins with %q", rest[:min(len(rest), 40)])
}

// resourceMetrics is the tag with which a MetricsData message begins, behind its
// length where the Collector's file exporter wrote it.
const resourceMetrics = 1<<3 | 2

// isPage reports whether a file begins with a page of ftrace's ring buffer: a
// time, and the length of the data, with two flags.
func isPage(head []byte) bool {
	const header, flags = 16, 3 << 30
	if len(head) < header {
		return false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if n := order.Uint64(head[8:]) &^ flags; n >= 8 && n <= 64<<10-header && n%4 == 0 {
			return true
		}
	}
	return false
}

// isTracePipe reports whether a name is that of a file of tracefs from which
// ftrace's events are taken by reading, and which waits for more.
func isTracePipe(name string) bool { return strings.HasPrefix(filepath.Base(name), "trace_pipe") }
