// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

func TestTextsAreFitted(t *testing.T) {
	for _, c := range []struct {
		name, text             string
		cells                  int
		clip, clipFront, right string
	}{
		{"fits", "abc", 3, "abc", "abc", "abc"},
		{"has room", "abc", 5, "abc", "abc", "  abc"},
		{"too long", "abcd", 3, "ab…", "…cd", "ab…"},
		{"one cell", "abcd", 1, "…", "…", "…"},
		{"no cell", "abcd", 0, "", "", ""},
		{"less than none", "abcd", -1, "", "", ""},
		{"empty", "", 2, "", "", "  "},
		{"wide", "日本語", 6, "日本語", "日本語", "日本語"},
		{"wide, cut", "日本語", 5, "日本…", "…本語", "日本…"},
		{"wide, cut within a character", "日本語", 4, "日…", "…語", " 日…"},
		{"combining", "e\u0301e\u0301e\u0301", 2, "e\u0301…", "…e\u0301", "e\u0301…"},
		{"as wide as in the terminal that takes most", "👍🏽", 4, "👍🏽", "👍🏽", "👍🏽"},
		{"and cut by that", "👍🏽", 3, "…", "…", "  …"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.clip, render.Clip(c.text, c.cells))
			assert.Equal(t, c.clipFront, render.ClipFront(c.text, c.cells))
			assert.Equal(t, c.right, render.Right(c.text, c.cells))
		})
	}
}

func TestTextsAreWrapped(t *testing.T) {
	for _, c := range []struct {
		name, text   string
		cells, lines int
		want         []string
	}{
		{"fits", "a=1 b=2", 7, 3, []string{"a=1 b=2"}},
		{"at a blank", "a=1 b=2 c=3", 8, 3, []string{"a=1 b=2", "c=3"}},
		{"within a word", "abcdefgh", 3, 3, []string{"abc", "def", "gh"}},
		{"no room", "a=1 b=2 c=3 d=4", 7, 2, []string{"a=1 b=2", "c=3 d=4"}},
		{"cut", "a=1 b=2 c=3 d=4 e=5", 7, 2, []string{"a=1 b=2", "c=3 d=…"}},
		{"too narrow for one character", "日本", 1, 5, []string{"", "…", "…"}},
		{"nowhere", "a", 0, 5, nil},
		{"nothing", "", 5, 5, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, render.Wrap(c.text, c.cells, c.lines))
		})
	}
}

func TestTextsAreMadePrintable(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "a b", "a b"},
		{"escape sequences", "\x1b[2J", `\x1b[2J`},
		{"line breaks", "a\nb", `a\x0ab`},
		{"directions", "\u202eab", `\u202eab`},
		{"no UTF-8", "a\xffb", `a\xffb`},
		{"other alphabets", "größe 日本", "größe 日本"},
		{"what combines with what is before", "\u0301a\u0301", `\u0301` + "a\u0301"},
		{"variants", "❤\ufe0f", "❤"},
		{"too long", strings.Repeat("x", 2000), strings.Repeat("x", 1024) + "…"},
		{"too long, within a character", strings.Repeat("ö", 600) + "x", strings.Repeat("ö", 512) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, render.Cell(c.text)) })
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "abc", "日本語", "e\u0301", "👍🏽👩‍👩‍👧", "❤️", "🇩🇪🇩", "\u1100\u1161\u11a8",
		"a\u0300\u0301\u0302b"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, cells int) {
		s = render.Cell(s) // as all foreign text is
		cells = cells % 200
		for _, fitted := range append(render.Wrap(s, cells, 4), render.Clip(s, cells), render.ClipFront(s, cells)) {
			assert.LessOrEqual(t, ansi.StringWidth(fitted), max(cells, 0))
			assert.LessOrEqual(t, ansi.StringWidthWc(fitted), max(cells, 0))
		}
		if cells >= 0 {
			assert.Equal(t, cells, render.Width(render.Left(s, cells)), "%q", s)
			assert.Equal(t, cells, render.Width(render.Right(s, cells)), "%q", s)
		}
		assert.LessOrEqual(t, len(render.Wrap(s, cells, 4)), 4)
		if render.Width(s) <= cells {
			assert.Equal(t, s, render.Clip(s, cells))
			assert.Equal(t, s, render.ClipFront(s, cells))
			assert.Equal(t, strings.TrimRight(s, " "), strings.TrimRight(strings.Join(render.Wrap(s, cells, 4), ""),
				" "))
		}
	})
}
