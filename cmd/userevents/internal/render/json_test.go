// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"encoding/json"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		``:                       ``,
		`{"a":"b"}`:              `{"a":"b"}`,
		`"Grüße, 世界"`:            `"Grüße, 世界"`,
		"\"\u009b2J\u202e\x7f\"": `"\u009b2J\u202e\u007f"`,
		"\"\U000e0001\"":         `"\udb40\udc01"`,
		"\"\ufffd\"":             "\"\ufffd\"",
		"\"\xff\"":               `"\ufffd"`,
	} {
		assert.Equal(t, want, render.JSON(in))
	}
}

// A string remains what it was, and nothing in it is left that a terminal might
// act on.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[2J\u009b\u202e\U000e0001\u2028\ufeff\x7f", "世界"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		in, err := json.Marshal(s)
		require.NoError(t, err)
		var want, got string
		require.NoError(t, json.Unmarshal(in, &want))
		out := render.JSON(string(in))
		require.NoError(t, json.Unmarshal([]byte(out), &got))
		if got != want {
			t.Fatalf("%q became %q", want, got)
		}
		for _, r := range out {
			if !unicode.IsPrint(r) {
				t.Fatalf("%U in %q", r, out)
			}
		}
	})
}
