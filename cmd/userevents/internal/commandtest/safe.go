// SPDX-License-Identifier: Apache-2.0

package commandtest

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

// Safe fails the test for anything that a terminal might act on.
func Safe(t testing.TB, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("not UTF-8: %q", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Fatalf("%U in %q", r, s)
		}
	}
}
