// SPDX-License-Identifier: Apache-2.0

// Package input reads events from files.
package input

import (
	"bytes"
	"fmt"
)

// Kind is what a file has in it.
type Kind string

// The kinds, and Auto for finding out.
const (
	Auto   Kind = "auto"
	Perf   Kind = "perf"   // perf.data, as a file or a stream
	JSON   Kind = "json"   // OTLP/JSON requests
	Ftrace Kind = "ftrace" // pages of trace_pipe_raw
)

// ParseKind returns the kind of that name.
func ParseKind(name string) (Kind, error) {
	switch k := Kind(name); k {
	case Auto, Perf, JSON, Ftrace:
		return k, nil
	}
	return "", fmt.Errorf("%q: must be one of auto, perf, json, ftrace", name)
}

// headLength is how much of a file detect wants to see, in bytes.
const headLength = 512

// detect tells a file by its beginning. An empty one is a recording of nothing.
func detect(head []byte) Kind {
	// Its magic number, in either byte order.
	if bytes.HasPrefix(head, []byte("PERFILE2")) || bytes.HasPrefix(head, []byte("2ELIFREP")) {
		return Perf
	}
	const blanks = " \t\r\n"
	rest := bytes.TrimLeft(head, blanks)
	if len(rest) == 0 {
		return JSON
	}
	// A page begins with a time, whose first byte may well be a brace.
	if inside, ok := bytes.CutPrefix(rest, []byte("{")); ok {
		inside = bytes.TrimLeft(inside, blanks)
		if len(inside) == 0 || inside[0] == '"' || inside[0] == '}' {
			return JSON
		}
	}
	return Ftrace
}
