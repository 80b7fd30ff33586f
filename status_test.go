// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// What is reported when. A letter is an Export that fails for a reason of that name, a dot one that does not, h an hour
// that passes; a capital letter is a reason that must be reported.
func TestReports(t *testing.T) {
	for _, test := range []struct{ name, story string }{
		{"once", "Aaaaaa"},
		{"another reason", "AaaaBbb"},
		{"alternates", "ABabababab"},
		{"comes and goes", "A.a.a.a."},
		{"alternates with two others", "ABCabcabc..cba"},
		{"the same for hours", "Ahahahah"},
		{"comes back after an hour", "A.hA.a"},
		{"alternates for hours", "ABababhABababhAB"},
		{"is over, then something else", "A.Bb.b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var reports reports
			now := metrictest.SomeTime
			got := ""
			for _, r := range test.story {
				now = now.Add(time.Second)
				switch letter := strings.ToLower(string(r)); letter {
				case ".":
					reports.reset()
					got += "."
				case "h":
					now = now.Add(time.Hour)
					got += "h"
				default:
					if reports.due(letter, now) {
						letter = strings.ToUpper(letter)
					}
					got += letter
				}
			}
			assert.Equal(t, test.story, got)
		})
	}
}

func TestReportsRememberLittle(t *testing.T) {
	var reports reports
	now := metrictest.SomeTime
	for i := range 1000 {
		now = now.Add(time.Second)
		assert.True(t, reports.due(fmt.Sprint(i), now))
		assert.LessOrEqual(t, len(reports.reported), rememberedReasons)
	}
	assert.False(t, reports.due("999", now))
	assert.False(t, reports.due("990", now), "the latest are remembered")
	assert.True(t, reports.due("0", now), "the oldest are not")
}
