// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Format is what the kernel says about the layout of an event's raw records,
// in its format file.
type Format struct {
	Name   string
	ID     int
	Fields []Field // the common_ fields included, in the file's order
}

// Field is one field of an event.
//
// The file is not to be trusted for the length of an array: for user events
// the kernel prints an uninitialised number there ("char
// version[1919247974]"), or none ("version[]"). Offset and Size are right.
type Field struct {
	Name   string
	Type   string // as declared, brackets removed: "u32", "char", "__rel_loc u8"
	Offset int    // from the start of the raw record, in bytes
	Size   int    // in bytes; 4 for a dynamic field, whose data is elsewhere
	Signed bool
	Array  bool // declared with brackets
	Count  int  // of elements as declared, not to be trusted; 0 without a number
}

// RelLoc reports whether the field is a word (length<<16 | offset) whose
// offset counts from the end of that word.
func (f Field) RelLoc() bool { return strings.HasPrefix(f.Type, "__rel_loc ") }

// DataLoc reports whether the field is a word (length<<16 | offset) whose
// offset counts from the start of the raw record.
func (f Field) DataLoc() bool { return strings.HasPrefix(f.Type, "__data_loc ") }

// Common reports whether the field belongs to the header that all events have.
func (f Field) Common() bool { return strings.HasPrefix(f.Name, "common_") }

// Field returns the field of that name.
func (f *Format) Field(name string) (Field, bool) {
	for _, fd := range f.Fields {
		if fd.Name == name {
			return fd, true
		}
	}
	return Field{}, false
}

// PayloadOffset is where the common header ends in a raw record, in bytes.
func (f *Format) PayloadOffset() int {
	end := 0
	for _, fd := range f.Fields {
		if fd.Common() {
			end = max(end, fd.Offset+fd.Size)
		}
	}
	return end
}

// maxFieldEnd bounds offsets and sizes, so that sums of them do not overflow
// for whoever uses them. A perf record is at most 64 KiB.
const maxFieldEnd = 64 << 10

var errFormat = errors.New("not a format file")

// ParseFormat reads the text of a format file. Lines that it does not know
// are skipped; a line that begins as a field but is none is an error.
func ParseFormat(text string) (*Format, error) {
	f := &Format{ID: -1}
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "name:"):
			f.Name = strings.TrimSpace(strings.TrimPrefix(line, "name:"))
		case strings.HasPrefix(line, "ID:"):
			id, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(line, "ID:")), 10, 31)
			if err != nil {
				return nil, fmt.Errorf("tracefs: format line %d: %w: %q", n+1, errFormat, line)
			}
			f.ID = int(id)
		case strings.HasPrefix(line, "field:"):
			fd, ok := parseField(line)
			if !ok {
				return nil, fmt.Errorf("tracefs: format line %d: %w: %q", n+1, errFormat, line)
			}
			f.Fields = append(f.Fields, fd)
		}
	}
	if f.Name == "" || f.ID < 0 {
		return nil, fmt.Errorf("tracefs: format: %w: no name or no ID", errFormat)
	}
	return f, nil
}

// parseField reads one line:
//
//	field:__rel_loc u8[] buffer;	offset:20;	size:4;	signed:0;
func parseField(line string) (Field, bool) {
	f := Field{Offset: -1, Size: -1}
	for _, part := range strings.Split(line, ";") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			continue
		}
		switch key {
		case "field":
			f.Type, f.Name, f.Array, f.Count = parseDeclaration(value)
		case "offset", "size":
			v, err := strconv.ParseUint(value, 10, 31)
			if err != nil || v > maxFieldEnd {
				return Field{}, false
			}
			if key == "offset" {
				f.Offset = int(v)
			} else {
				f.Size = int(v)
			}
		case "signed":
			f.Signed = value == "1"
		}
	}
	return f, f.Name != "" && f.Offset >= 0 && f.Size >= 0
}

// parseDeclaration splits "char version[8]" and "__rel_loc u8[] buffer": the
// brackets may stand behind the type or behind the name.
func parseDeclaration(s string) (typ, name string, array bool, count int) {
	s = strings.TrimSpace(s)
	i := strings.LastIndexAny(s, " \t")
	if i < 0 {
		return "", "", false, 0
	}
	typ, ofType, inType := cutBrackets(strings.TrimSpace(s[:i]))
	name, ofName, inName := cutBrackets(s[i+1:])
	return typ, name, inType || inName, max(ofType, ofName)
}

// cutBrackets also returns the number in them, 0 if it is none.
func cutBrackets(s string) (rest string, count int, ok bool) {
	i := strings.IndexByte(s, '[')
	if i < 0 || !strings.HasSuffix(s, "]") {
		return s, 0, false
	}
	if n, err := strconv.ParseUint(s[i+1:len(s)-1], 10, 31); err == nil {
		count = int(n)
	}
	return s[:i], count, true
}
