// SPDX-License-Identifier: Apache-2.0

package top

import (
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// desk is a screen without a terminal, whose time stands still until a test
// moves it.
type desk struct {
	t      testing.TB
	screen *Screen
	model  *model
	now    time.Duration
	status source.Status
}

// start is the time of day at which a desk's time begins.
var start = commandtest.Noon

func newDesk(t testing.TB) *desk {
	d := &desk{t: t}
	d.screen = New([]string{"otlp_metrics"}, DefaultInterval, func() source.Status { return d.status })
	d.screen.clock = func() time.Duration { return d.now }
	d.model = newModel(d.screen)
	return d
}

func (d *desk) time() time.Time { return start.Add(d.now) }

// write is an event of a process.
func (d *desk) write(pid int, process string, rm ...*metricspb.ResourceMetrics) {
	d.t.Helper()
	require.NoError(d.t, d.screen.Event(event(d.t, listen.Event{Time: d.time(), PID: pid, Process: process}, rm...)))
}

// event is an event with a message.
func event(t testing.TB, ev listen.Event, rm ...*metricspb.ResourceMetrics) *source.Event {
	t.Helper()
	ev.Tracepoint, ev.Payload = "otlp_metrics", commandtest.Encode(t, rm...)
	decoded := source.Decode(ev)
	require.NoError(t, decoded.Err)
	return &decoded
}

// pass lets time go by and refreshes the screen.
func (d *desk) pass(t time.Duration) {
	d.now += t
	d.model.refresh()
}

// press presses keys, which are named as Bubble Tea names them.
func (d *desk) press(keys ...string) (quit bool) {
	for _, k := range keys {
		_, cmd := d.model.Update(keyOfName(k))
		if cmd != nil {
			_, quit = cmd().(tea.QuitMsg)
		}
	}
	return quit
}

func (d *desk) typeText(text string) {
	for _, r := range text {
		d.press(string(r))
	}
}

func (d *desk) resize(width, height int) {
	d.model.Update(tea.WindowSizeMsg{Width: width, Height: height})
}

var specialKeys = map[string]rune{
	"enter": tea.KeyEnter, "esc": tea.KeyEsc, "backspace": tea.KeyBackspace, "up": tea.KeyUp, "down": tea.KeyDown,
	"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd,
	"left": tea.KeyLeft, "right": tea.KeyRight,
	"tab": tea.KeyTab, "f1": tea.KeyF1,
}

func keyOfName(k string) tea.KeyPressMsg {
	if code, ok := specialKeys[k]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	if rest, ok := strings.CutPrefix(k, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(rest[0]), Mod: tea.ModCtrl}
	}
	if k == "space" {
		k = " "
	}
	return tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
}

// text is what is on the screen, without its styles.
func (d *desk) text() string {
	lines := strings.Split(ansi.Strip(d.model.View().Content), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

var styleSequence = regexp.MustCompile("\x1b\\[[0-9;]*m")

// withoutStyles takes out the sequences that lipgloss makes, and nothing else.
func withoutStyles(s string) string { return styleSequence.ReplaceAllString(s, "") }

// cellsOf is how wide a text is in the terminal that takes most for it.
func cellsOf(s string) int { return max(ansi.StringWidth(s), ansi.StringWidthWc(s)) }
