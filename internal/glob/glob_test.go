// SPDX-License-Identifier: Apache-2.0

package glob

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "a", true},
		{"a", "ab", false},
		{"*", "", true},
		{"*", "a/b.c", true},
		{"http.*", "http.server.duration", true},
		{"http.*", "https.x", false},
		{"*.duration", "http.server.duration", true},
		{"*.duration", "http.server.durations", false},
		{"h*r*n", "http.server.duration", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"**a", "bbba", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "acb", false},
		{"[a]", "[a]", true},
	} {
		assert.Equal(t, tt.want, Match(tt.pattern, tt.name), "%q %q", tt.pattern, tt.name)
	}
	// Not exponential.
	assert.False(t, Match(strings.Repeat("*a", 100)+"b", strings.Repeat("a", 2000)))
}

func TestIsPattern(t *testing.T) {
	for pattern, want := range map[string]bool{"": false, "a.b": false, "[a]": false, "a*": true, "?": true} {
		assert.Equal(t, want, IsPattern(pattern), pattern)
	}
}
