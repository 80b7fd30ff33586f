// SPDX-License-Identifier: Apache-2.0

package show

import (
	"io"
	"strings"
	"testing"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// Whatever a process writes, the lines and the table are harmless and fit.
func FuzzPayload(f *testing.F) {
	f.Add(messagetest.Encode(f, messagetest.Message(messagetest.Attrs("service.name", "shop"), messagetest.EveryKind()...)), "shop", uint8(80), uint8(24))
	f.Add(messagetest.Encode(f, messagetest.Message(messagetest.Attrs("service.name", "\x1b]0;x\a", "service.instance.id", "\u202e"), messagetest.Gauge("\x1b[2J", "\r\n", messagetest.IntPoint(1, "\x1b", "\x00")))), "\x1bc", uint8(10), uint8(3))
	f.Add(messagetest.Encode(f, messagetest.Message(messagetest.Attrs("service.name", "世界"), messagetest.Gauge("é", "世", messagetest.IntPoint(1)))), "a b", uint8(1), uint8(1))
	f.Add([]byte{}, "", uint8(0), uint8(0))
	f.Add([]byte("junk"), "\xff", uint8(255), uint8(255))
	f.Fuzz(func(t *testing.T, payload []byte, process string, w, h uint8) {
		data, err := otlpview.Decode(payload)
		if err != nil {
			return
		}
		ev := &Event{Event: &listen.Event{PID: 7, Process: process, Payload: payload}, Data: data}
		set := newSeriesSet(100)
		for _, p := range ev.Points() {
			l := line(ev, &p)
			messagetest.Safe(t, l)
			if got := len(strings.Fields(l)); got < 9 {
				t.Fatalf("%d columns: %q", got, l)
			}
			set.update(ev, p)
		}
		for _, view := range []func(io.Writer) View{NewJSON, NewText} {
			var b strings.Builder
			if err := view(&b).Event(ev); err != nil {
				continue // pdata may be stricter
			}
			for _, l := range strings.Split(b.String(), "\n") {
				messagetest.Safe(t, l)
			}
			if b.Len() > 200*(len(payload)+len(process))+10_000 {
				t.Fatalf("%d bytes of text for %d", b.Len(), len(payload)+len(process))
			}
		}
		lines := table(set, Status{Names: []string{process}}, int(w), int(h))
		if len(lines) > max(int(h), 1) {
			t.Fatalf("%d lines on a screen of %d", len(lines), h)
		}
		for _, l := range lines {
			messagetest.Safe(t, l)
			if safetext.Width(l) > max(int(w), 1) {
				t.Fatalf("%d cells in %d: %q", safetext.Width(l), w, l)
			}
		}
	})
}
