// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"plain text":            "plain text",
		"Grüße, 世界":             "Grüße, 世界",
		"a\x1b[31mred":          `a\x1b[31mred`,
		"bell\a tab\t nl\n\x7f": `bell\x07 tab\x09 nl\x0a\x7f`,
		"C1 \u009b2J":           `C1 \x9b2J`,
		"bad \xff\xfe":          `bad \xff\xfe`,
		"cut \xe4\xb8":          `cut \xe4\xb8`,
		"\u202eevil":            `\u202eevil`,
		"\ufffd is a character": "\ufffd is a character",
		"\u00a0 \u2028":         `\xa0 \u2028`,
		"\U000e0001":            `\U000e0001`,
	} {
		assert.Equal(t, want, render.Escape(in))
	}
	assert.Equal(t, `my\x20shop\x09x`, render.Field("my shop\tx"))
	assert.Equal(t, "-", render.Field(""))
}
