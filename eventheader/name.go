// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Fields is the declaration of the fields that all EventHeader tracepoints share, to be put behind a name and a blank.
const Fields = "u8 eventheader_flags; u8 version; u16 id; u16 tag; u8 opcode; u8 level"

// MaxTracepointName is the longest name of an EventHeader tracepoint in bytes: EVENTHEADER_NAME_MAX is 256, with a NUL.
const MaxTracepointName = 255

// ErrNotEventHeader says that a tracepoint does not have the name of an EventHeader tracepoint.
var ErrNotEventHeader = errors.New("not the name of an EventHeader tracepoint, such as MyProvider_L4K1")

// Name is what the name of an EventHeader tracepoint says: MyProvider_L4K1, or with options MyProvider_L4K1Gmygroup.
type Name struct {
	Provider string
	Level    Level
	Keyword  uint64 // a bit for each category of the provider's own
	// Options are any number of an upper-case letter and its value of digits and lower-case letters, sorted by letter.
	// Only G is defined: the provider's group.
	Options string
}

// ParseName parses the name of a tracepoint. The error matches [ErrNotEventHeader].
func ParseName(tracepoint string) (Name, error) {
	name, ok := parseName(tracepoint)
	if !ok {
		return Name{}, fmt.Errorf("%.300q: %w", tracepoint, ErrNotEventHeader)
	}
	return name, nil
}

func parseName(tracepoint string) (name Name, ok bool) {
	// The last underscore: neither numbers nor options have one.
	i := strings.LastIndexByte(tracepoint, '_')
	if i < 1 || len(tracepoint) > MaxTracepointName || strings.ContainsAny(tracepoint[:i], " :\x00") {
		return Name{}, false
	}
	level, rest, ok := cutHex(tracepoint[i+1:], 'L', 8)
	if !ok || level == 0 {
		return Name{}, false
	}
	keyword, options, ok := cutHex(rest, 'K', 64)
	if !ok || !validOptions(options) {
		return Name{}, false
	}
	return Name{Provider: tracepoint[:i], Level: Level(level), Keyword: keyword, Options: options}, true
}

// cutHex cuts letter and a number of at most the given bits in lower-case hexadecimal off s.
func cutHex(s string, letter byte, bits int) (value uint64, rest string, ok bool) {
	if s == "" || s[0] != letter {
		return 0, "", false
	}
	digits := s[1:]
	rest = strings.TrimLeft(digits, "0123456789abcdef")
	value, err := strconv.ParseUint(digits[:len(digits)-len(rest)], 16, bits)
	return value, rest, err == nil
}

func validOptions(options string) bool {
	for i := range len(options) {
		switch c := options[i]; {
		case 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || 'a' <= c && c <= 'z'):
		default:
			return false
		}
	}
	return true
}

// String returns the name of the tracepoint. Its numbers are in lower-case hexadecimal without leading zeros.
func (n Name) String() string {
	b := make([]byte, 0, len(n.Provider)+maxSuffix+len(n.Options))
	b = append(b, n.Provider...)
	b = append(b, "_L"...)
	b = strconv.AppendUint(b, uint64(n.Level), 16)
	b = append(b, 'K')
	b = strconv.AppendUint(b, n.Keyword, 16)
	return string(append(b, n.Options...))
}

// maxSuffix is the most that level and keyword add to the name of a provider.
const maxSuffix = len("_LffKffffffffffffffff")
