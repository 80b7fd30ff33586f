// SPDX-License-Identifier: Apache-2.0

package show

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/screentest"
)

func TestScreenIsDrawnInPlace(t *testing.T) {
	scr := screentest.New(t, 100, 10)
	_, err := scr.Write([]byte("$ what was there before"))
	require.NoError(t, err)
	v := newScreen(scr, func() (int, int) { return scr.Width, scr.Height })
	st := Status{Names: []string{"otlp_metrics"}, Now: noon}
	show := func(events ...*Event) {
		for _, ev := range events {
			require.NoError(t, v.Event(ev))
		}
		require.NoError(t, v.Draw(st))
		assert.Equal(t, strings.Join(table(v.all, st, scr.Width, scr.Height-1), "\n"), scr.String())
	}
	show()
	assert.False(t, scr.Cursor)
	events := shopEvents(t)
	show(events...)

	// A shorter value leaves nothing of a longer one.
	shorter := *events[2].Event
	shorter.Payload = messagetest.Encode(t, messagetest.Message(messagetest.Attrs("service.name", "warehouse \x1b[31m"),
		messagetest.Sum("stock", "", messagetest.Cumulative, false, messagetest.FloatPoint(1, "place", "hall 3, the one behind the station with the long name"))))
	show(event(t, shorter))

	// More series than lines.
	many := *events[0].Event
	for i := range 30 {
		many.PID = 1000 + i
		show(event(t, many))
	}
	// Another size.
	scr.Width, scr.Height = 60, 5
	scr.Clear()
	show()
	scr.Width, scr.Height = 120, 12
	scr.Clear()
	show()

	require.NoError(t, v.Close(st))
	assert.True(t, scr.Cursor)
	assert.True(t, scr.AtLineStart())
}
