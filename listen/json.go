// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/fields"
)

// AppendJSON appends an event of LayoutEventHeader or LayoutAny as one JSON
// object, in the shape that LinuxTracepoints' tools print:
//
//	{"n":"Shop:order","books":3,"meta":{"time":"2026-11-27T08:00:00.000000001Z","cpu":0,"pid":7,"tid":7,"level":4}}
//	{"n":"sched:sched_process_exec","filename":"/bin/sh","pid":7,"old_pid":7,"meta":{"time":...}}
//
// [eventheader.Event.AppendJSON] and [fields.Field.AppendJSON] say how values are
// written. time is left out where it is not known. Control characters are escaped
// as JSON has it, what else a terminal obeys is not.
//
// An event that cannot be decoded, and those of other layouts, are an error that
// matches ErrUndecodable; dst is returned as it was.
func (ev *Event) AppendJSON(dst []byte) ([]byte, error) {
	if ev.Err == nil && ev.Layout == LayoutAny {
		return ev.appendFields(dst), nil
	}
	e, err := ev.EventHeader()
	if err != nil {
		return dst, err
	}
	name := eventheader.Name{Provider: ev.Provider, Level: ev.Level, Keyword: ev.Keyword}
	dst, err = e.AppendJSON(dst, name, string(ev.appendMeta(nil)))
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	return dst, nil
}

func (ev *Event) appendFields(dst []byte) []byte {
	name := ev.Tracepoint
	if !strings.Contains(name, ":") {
		name = tracefs.System + ":" + name
	}
	dst = fields.AppendJSONString(append(dst, `{"n":`...), name)
	for f := range ev.Fields() {
		dst = fields.AppendJSONString(append(dst, ','), f.Name)
		dst = f.AppendJSON(append(dst, ':'))
	}
	dst = append(dst, `,"meta":{`...)
	return append(ev.appendMeta(dst), "}}"...)
}

// appendMeta appends the members of meta that are the kernel's.
func (ev *Event) appendMeta(dst []byte) []byte {
	if !ev.Time.IsZero() {
		dst = append(dst, `"time":"`...)
		dst = append(ev.Time.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z"), `",`...)
	}
	dst = strconv.AppendInt(append(dst, `"cpu":`...), int64(ev.CPU), 10)
	dst = strconv.AppendInt(append(dst, `,"pid":`...), int64(ev.PID), 10)
	return strconv.AppendInt(append(dst, `,"tid":`...), int64(ev.TID), 10)
}
