// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. In a configuration it is a number, or a text such as "512KiB", "4MiB" or "1GiB".
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// UnmarshalText reads the text form. Units of 1000 are not accepted: a ring is a power of two.
func (s *Size) UnmarshalText(text []byte) error {
	t := strings.TrimSpace(string(text))
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(t, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.bytes {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("size %q: must be a whole number of bytes, with KiB, MiB or GiB behind it if so wished: 4MiB", t)
}

// MarshalText writes the text form, with the largest unit of which it is a multiple.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s Size) String() string {
	for _, u := range sizeUnits {
		if n := int64(s); n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return "0B"
}
