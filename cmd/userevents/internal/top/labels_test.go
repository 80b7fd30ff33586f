// SPDX-License-Identifier: Apache-2.0

package top

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLabels(t *testing.T) {
	for _, c := range []struct{ name, attributes, named, values string }{
		{"none", "", "", ""},
		{"one", "a=1", "a=1", "1"},
		{"long names", "http.request.method=GET http.response.status_code=200 x=y.z=q", "method=GET status_code=200 x=y.z=q", "GET 200 y.z=q"},
		{"quotes", `a="b c=d" e="f\" g.h=i" j=k`, `a="b c=d" e="f\" g.h=i" j=k`, `"b c=d" "f\" g.h=i" k`},
		{"quoted names", `"a b"=1 "c=d.e"=2`, `"a b"=1 "c=d.e"=2`, "1 2"},
		{"empty values", `a="" b=-`, `a="" b=-`, `"" -`},
		{"lists", `a.b=[1,2] c={d.e=1,f=2} g=1`, `b=[1,2] c={d.e=1,f=2} g=1`, `[1,2] {d.e=1,f=2} 1`},
		{"cut off", "a.b=1 ...", "b=1 ...", "1 ..."},
		{"too long", "a=" + strings.Repeat("x", 1000), "a=" + strings.Repeat("x", 510) + "…", strings.Repeat("x", 510) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := labelsOf(c.attributes)
			assert.Equal(t, c.named, l.named)
			assert.Equal(t, c.values, l.values)
			assert.Equal(t, c.named, l.in(0))
			assert.Equal(t, c.named, l.in(width(c.named)+1))
			if c.named != "" && width(c.named) > 1 {
				assert.Equal(t, c.values, l.in(width(c.named)-1))
			}
		})
	}
}

func FuzzLabels(f *testing.F) {
	for _, s := range []string{"", "a=1", `a="b c" ...`, `"`, `a="\`, "= = =", "a.b.=.", " ", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, attributes string) {
		l := labelsOf(attributes) // comes to an end, whatever there is
		assert.LessOrEqual(t, len(l.values), len(l.named))
		assert.LessOrEqual(t, len(l.named), 3*longestLabels)
	})
}
