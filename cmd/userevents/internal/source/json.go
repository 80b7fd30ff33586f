// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// maxRequest bounds the memory for one request, in bytes.
const maxRequest = 64 << 20

// requests reads OTLP/JSON: requests one after the other, each on a line or on
// many, or in a JSON array. Requests of other signals and empty ones are passed
// over. Among them there may be events with fields, as listen.Event.AppendJSON
// writes them.
type requests struct {
	in     *bufio.Reader
	number int // of requests so far, of any signal
	passed [len(signals) + 1]uint64
}

// signals are the other ones, by the keys of their requests.
var signals = [...]struct{ name, key string }{
	{"logs", "resourceLogs"}, {"traces", "resourceSpans"}, {"profiles", "resourceProfiles"},
}

const (
	metricsKey   = "resourceMetrics"
	emptyRequest = len(signals) // in requests.passed
)

// requestError is about one request; those after it can be read.
type requestError struct {
	number  int
	damaged bool // it is not JSON, or is cut off: the file is not what it was
	reason  error
}

func (e *requestError) Error() string { return fmt.Sprintf("request %d: %v", e.number, e.reason) }
func (e *requestError) Unwrap() error { return e.reason }

func newRequests(in io.Reader) *requests { return &requests{in: bufio.NewReaderSize(in, 64<<10)} }

// next puts the next request of metrics, or the next event, into ev. Its error is a
// *requestError, io.EOF, or that of the reader; the latter two are final.
func (r *requests) next(ev *Event) error {
	for {
		text, err := r.object()
		if err != nil {
			return err
		}
		*ev = Event{MessageOnly: true}
		if found, err := r.decode(text, ev); err != nil || found {
			return err
		}
	}
}

// decode reports whether there is anything in a request that is wanted.
func (r *requests) decode(text []byte, ev *Event) (found bool, err error) {
	fail := func(damaged bool, err error) error { return &requestError{r.number, damaged, err} }
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return false, fail(true, err)
	}
	if keys[eventNameKey] != nil && keys[eventMetaKey] != nil {
		if err := ev.parseFields(text, keys[eventMetaKey]); err != nil {
			return false, fail(false, err)
		}
		return true, nil
	}
	if !hasKey(keys, metricsKey) {
		for i, s := range signals {
			if hasKey(keys, s.key) {
				r.passed[i]++
				return false, nil
			}
		}
		if len(keys) > 0 {
			return false, fail(false, errors.New("no resourceMetrics in it: this is not OTLP/JSON"))
		}
		r.passed[emptyRequest]++
		return false, nil
	}
	metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(text)
	if err != nil {
		return false, fail(false, plainError(err))
	}
	if metrics.ResourceMetrics().Len() == 0 {
		r.passed[emptyRequest]++
		return false, nil
	}
	ev.Metrics = metrics
	return true, nil
}

// goFunction is how errors of pdata's JSON begin.
var goFunction = regexp.MustCompile(`^[\w.]+: `)

// plainError is an error of pdata's JSON in words for who has the file: without the
// function of Go, and with the text around the fault once.
func plainError(err error) error {
	what, where, ok := strings.Cut(err.Error(), ", error found in #")
	if !ok {
		return err
	}
	what = goFunction.ReplaceAllString(what, "")
	if _, near, ok := strings.Cut(where, " byte of ..."); ok {
		near, _, _ = strings.Cut(near, "..., bigger context ")
		what += ", near " + near
	}
	return errors.New(what)
}

// hasKey reports whether there is a key, as OTLP writes it, or as protobuf names it.
func hasKey(keys map[string]json.RawMessage, key string) bool {
	of := strings.TrimPrefix(key, "resource")
	return keys[key] != nil || keys["resource_"+strings.ToLower(of)] != nil
}

// notes says what was passed over.
func (r *requests) notes() []string {
	var parts []string
	for i, s := range signals {
		if n := r.passed[i]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s of %s", Count(n, "request"), s.name))
		}
	}
	if n := r.passed[emptyRequest]; n > 0 {
		parts = append(parts, Count(n, "empty request"))
	}
	if parts == nil {
		return nil
	}
	return []string{strings.Join(parts, ", ") + " passed over"}
}

// object returns the text of the next object at the top, or in an array at the
// top. Where a line cannot be a part of one, the next line may be.
func (r *requests) object() ([]byte, error) {
	if err := r.findObject(); err != nil {
		return nil, err
	}
	r.number++
	var text []byte
	var depth int
	var inString, inEscape bool
	for {
		c, err := r.in.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = r.damaged(errors.New("cut off"))
			}
			return nil, err
		}
		if len(text) == maxRequest {
			return nil, r.skip("\n", fmt.Errorf("longer than %d MiB", maxRequest>>20))
		}
		text = append(text, c)
		switch {
		case c == '\n':
			if inString {
				return nil, r.damaged(errors.New("a line break within a string"))
			}
			if r.atRequest() { // the line before was cut off
				return nil, r.damaged(errors.New("cut off"))
			}
		case inEscape:
			inEscape = false
		case inString:
			inEscape = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return text, nil
			}
		}
	}
}

func (r *requests) damaged(reason error) error { return &requestError{r.number, true, reason} }

// atRequest reports whether the next line can only be the beginning of a request. It
// waits for no more than the line must have.
func (r *requests) atRequest() bool {
	const begin, event = `{"resource`, `{"` + eventNameKey + `":"`
	next, _ := r.in.Peek(1)
	if string(next) == "{" {
		next, _ = r.in.Peek(len(event))
	}
	if string(next) == event {
		return true
	}
	if strings.HasPrefix(begin, string(next)) {
		next, _ = r.in.Peek(len(begin) + 1)
	}
	rest, ok := strings.CutPrefix(string(next), begin)
	return ok && rest != `"` // that is the key of a part
}

// findObject stops before the next opening brace.
func (r *requests) findObject() error {
	const between = " \t\r\n,[]\ufeff"
	for {
		c, _, err := r.in.ReadRune()
		switch {
		case err != nil:
			return err
		case c == '{':
			return r.in.UnreadRune()
		case !strings.ContainsRune(between, c):
			r.number++
			return r.skip(",]\n", fmt.Errorf("not a request: invalid character %q", c))
		}
	}
}

// skip is for what cannot be read before one of these characters.
func (r *requests) skip(until string, reason error) error {
	for {
		c, err := r.in.ReadByte()
		if err != nil || strings.IndexByte(until, c) >= 0 {
			return r.damaged(reason) // an error of the reader comes again
		}
	}
}
