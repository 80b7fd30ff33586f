// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What is told when. A letter is an Export that fails for a reason of that name, a dot one that does not, h an hour that
// passes; a capital letter is a reason that must be told.
func TestReports(t *testing.T) {
	for _, test := range []struct{ name, story string }{
		{"once", "Aaaaaa"},
		{"another reason", "AaaaBbb"},
		{"takes turns", "ABabababab"},
		{"comes and goes", "A.a.a.a."},
		{"takes turns with two others", "ABCabcabc..cba"},
		{"the same for hours", "Ahahahah"},
		{"comes back after an hour", "A.hA.a"},
		{"takes turns for hours", "ABababhABababhAB"},
		{"heals, then something else", "A.Bb.b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var reports reports
			now := someTime
			told := ""
			for _, r := range test.story {
				now = now.Add(time.Second)
				switch letter := strings.ToLower(string(r)); letter {
				case ".":
					reports.healed()
					told += "."
				case "h":
					now = now.Add(time.Hour)
					told += "h"
				default:
					if reports.due(letter, now) {
						letter = strings.ToUpper(letter)
					}
					told += letter
				}
			}
			assert.Equal(t, test.story, told)
		})
	}
}

func TestReportsRememberLittle(t *testing.T) {
	var reports reports
	now := someTime
	for i := range 1000 {
		now = now.Add(time.Second)
		assert.True(t, reports.due(fmt.Sprint(i), now))
		assert.LessOrEqual(t, len(reports.told), rememberedReasons)
	}
	assert.False(t, reports.due("999", now))
	assert.False(t, reports.due("990", now), "the latest are remembered")
	assert.True(t, reports.due("0", now), "the oldest are not")
}
