// SPDX-License-Identifier: Apache-2.0

package top

import "strings"

// longestLabels bounds what of the attributes is in the list, in bytes.
const longestLabels = 512

// labels are attributes for a list, which has no room for
// http.request.method=GET http.response.status_code=200.
type labels struct {
	named  string // method=GET status_code=200
	values string // GET 200
}

// labelsOf shortens a text as otlpview makes it: key=value with blanks between,
// where keys and values are quoted that have blanks in them.
func labelsOf(attributes string) labels {
	if len(attributes) > longestLabels {
		attributes = strings.ToValidUTF8(attributes[:longestLabels], "") + "…"
	}
	var named, values strings.Builder
	for attributes != "" {
		key := token(attributes, '=')
		rest := strings.TrimPrefix(attributes[len(key):], "=")
		value := token(rest, ' ')
		attributes = strings.TrimPrefix(rest[len(value):], " ")
		if named.Len() > 0 {
			named.WriteByte(' ')
			values.WriteByte(' ')
		}
		if key == "..." || len(key)+len(rest) == 0 { // more than was written
			value = key
		} else {
			// The names of attributes differ at their ends.
			if !strings.HasPrefix(key, `"`) {
				key = key[strings.LastIndexByte(key, '.')+1:]
			}
			named.WriteString(key + "=")
		}
		named.WriteString(value)
		values.WriteString(value)
	}
	return labels{named.String(), values.String()}
}

// token is the beginning of a text up to a character that is not within quotes.
func token(s string, end byte) string {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == end && !quoted:
			return s[:i]
		}
	}
	return s
}

// in is what there is room for: at less than the whole, the values say more.
func (l labels) in(cells int) string {
	if cells > 0 && width(l.named) > cells {
		return l.values
	}
	return l.named
}

func (l labels) memory() int { return len(l.named) + len(l.values) }
