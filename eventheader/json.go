// SPDX-License-Identifier: Apache-2.0

package eventheader

import "strconv"

// AppendJSON appends the event as one JSON object, in the shape that LinuxTracepoints' tools print, without blanks:
//
//	{"n":"provider:event","field":1,...,"meta":{"id":7,"version":1,"level":4,"keyword":"0x1","opcode":1,"tag":"0x2",
//	"activity":"...","relatedActivity":"..."}}
//
// A field has its name with attributes, as [Field.RawName] returns it, and ";tag=0x12" behind that where it has a tag.
// Two fields may have one name. Numbers are numbers, and NaN, hexadecimal numbers, times and the like are strings as
// [Field.AppendText] makes them. What is zero is left out of meta. It begins with the given members, such as
// `"time":"...","pid":1`, unless they are empty.
//
// Where the event is malformed it returns dst as it was, and an error that matches [ErrMalformed].
func (e *Event) AppendJSON(dst []byte, of Name, meta string) ([]byte, error) {
	start := len(dst)
	dst = append(dst, `{"n":"`...)
	dst = appendUTF8(dst, []byte(of.Provider), true)
	dst = append(dst, ':')
	dst = e.name.appendText(dst)
	dst = append(dst, '"')
	fields := e.Fields()
	for fields.Next() {
		dst = fields.Field().appendMember(dst)
	}
	if err := fields.Err(); err != nil {
		return dst[:start], err
	}
	dst = append(dst, `,"meta":{`...)
	dst = append(dst, meta...)
	dst = e.appendMeta(dst, of.Keyword)
	return append(dst, "}}"...), nil
}

// appendMember appends what an iterator has come to.
func (f *Field) appendMember(dst []byte) []byte {
	switch f.Kind {
	case KindStructEnd:
		return append(dst, '}')
	case KindArrayEnd:
		return append(dst, ']')
	}
	if last := dst[len(dst)-1]; last != '{' && last != '[' {
		dst = append(dst, ',')
	}
	if !f.IsElement() {
		dst = append(dst, '"')
		dst = appendUTF8(dst, f.name, true)
		if f.Tag != 0 {
			dst = appendHex(append(dst, ";tag="...), uint64(f.Tag))
		}
		dst = append(dst, `":`...)
	}
	switch f.Kind {
	case KindStructBegin:
		return append(dst, '{')
	case KindArrayBegin:
		return append(dst, '[')
	default:
		return f.AppendJSON(dst)
	}
}

// appendMeta appends the members of meta.
func (e *Event) appendMeta(dst []byte, keyword uint64) []byte {
	dst = appendNumber(dst, "id", uint64(e.ID))
	dst = appendNumber(dst, "version", uint64(e.Version))
	dst = appendNumber(dst, "level", uint64(e.Level))
	dst = appendHexNumber(dst, "keyword", keyword)
	dst = appendNumber(dst, "opcode", uint64(e.Opcode))
	dst = appendHexNumber(dst, "tag", uint64(e.Tag))
	if id, ok := e.ActivityID(); ok {
		dst = append(appendUUID(append(appendKey(dst, "activity"), '"'), id[:]), '"')
	}
	if id, ok := e.RelatedID(); ok {
		dst = append(appendUUID(append(appendKey(dst, "relatedActivity"), '"'), id[:]), '"')
	}
	return dst
}

func appendNumber(dst []byte, key string, value uint64) []byte {
	if value == 0 {
		return dst
	}
	return strconv.AppendUint(appendKey(dst, key), value, 10)
}

func appendHexNumber(dst []byte, key string, value uint64) []byte {
	if value == 0 {
		return dst
	}
	return append(appendHex(append(appendKey(dst, key), '"'), value), '"')
}

func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(append(dst, '"'), key...), `":`...)
}
