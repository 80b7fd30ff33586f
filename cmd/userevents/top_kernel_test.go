// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric"
)

// binaryVariable names a built userevents to test instead of this test binary,
// which has the same code.
const binaryVariable = "USEREVENTS_TEST_BINARY"

// pane is a terminal of 80x24 in tmux, with a shell in it.
type pane struct {
	t      *testing.T
	socket string
}

func newPane(t *testing.T) *pane {
	t.Helper()
	p := &pane{t: t, socket: filepath.Join(t.TempDir(), "tmux")}
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "env PS1='$ ' bash --norc --noprofile")
	t.Cleanup(func() { p.tmux("kill-server") })
	p.until("the shell", func(s string) bool { return strings.Contains(s, "$") })
	return p
}

func (p *pane) tmux(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-u", "-S", p.socket}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX=")
	out, err := cmd.CombinedOutput()
	require.NoError(p.t, err, "tmux %v: %s", args, out)
	return string(out)
}

// screen is what is on the terminal.
func (p *pane) screen() string { return p.tmux("capture-pane", "-p") }

// until waits for the screen that is asked for, and returns it.
func (p *pane) until(what string, is func(string) bool) string {
	p.t.Helper()
	var s string
	require.Eventually(p.t, func() bool {
		s = p.screen()
		return is(s)
	}, 2*waitLimit, 100*time.Millisecond, "%s; the screen is:\n%s", what, lazy(func() string { return s }))
	return s
}

// lazy is text that is made when it is printed.
type lazy func() string

func (l lazy) String() string { return l() }

func (p *pane) has(what ...string) string {
	p.t.Helper()
	return p.until(fmt.Sprintf("%q", what), func(s string) bool {
		for _, w := range what {
			if !strings.Contains(s, w) {
				return false
			}
		}
		return true
	})
}

func (p *pane) keys(keys ...string) { p.t.Helper(); p.tmux(append([]string{"send-keys"}, keys...)...) }

// text types text as it is.
func (p *pane) text(s string) { p.t.Helper(); p.tmux("send-keys", "-l", s) }

// row is the n-th series on the screen.
func row(s string, n int) string {
	lines := strings.Split(s, "\n")
	if 3+n >= len(lines) {
		return ""
	}
	return lines[3+n]
}

// manySeries is a service with 10,000 series: one histogram, and counters whose
// number is how much they rise in each export.
type manySeries struct {
	provider *sdkmetric.MeterProvider
	exporter *usereventsmetric.Exporter
	counter  metric.Int64Counter
	latency  metric.Float64Histogram
	sets     []metric.AddOption
}

const counters = 9_999

func startManySeries(t *testing.T, tracepoint string) *manySeries {
	t.Helper()
	e, err := usereventsmetric.New(usereventsmetric.WithTracepointName(tracepoint), usereventsmetric.WithRequired())
	require.NoError(t, err)
	s := &manySeries{exporter: e, provider: sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e, sdkmetric.WithInterval(time.Hour))),
		sdkmetric.WithResource(resource.NewSchemaless(attribute.String("service.name", "many"))),
		sdkmetric.WithCardinalityLimit(0),
	)}
	t.Cleanup(func() { assert.NoError(t, s.provider.Shutdown(context.Background())) })
	m := s.provider.Meter("test")
	s.counter, err = m.Int64Counter("many.items", metric.WithUnit("{item}"))
	require.NoError(t, err)
	s.latency, err = m.Float64Histogram("many.latency", metric.WithUnit("ms"))
	require.NoError(t, err)
	for i := range counters {
		s.sets = append(s.sets,
			metric.WithAttributeSet(attribute.NewSet(attribute.String("n", fmt.Sprintf("i%05d", i)))))
	}
	return s
}

// export adds its number and some more to each counter, and exports.
func (s *manySeries) export(t *testing.T, more int64) {
	t.Helper()
	ctx := context.Background()
	for i, set := range s.sets {
		s.counter.Add(ctx, int64(i)+more, set)
	}
	for i := range 100 {
		s.latency.Record(ctx, float64(i))
	}
	require.NoError(t, s.provider.ForceFlush(ctx))
}

func TestKernelTopWithTenThousandSeries(t *testing.T) {
	tracepoint := "userevents_top"
	s := startManySeries(t, tracepoint)
	binary := os.Getenv(binaryVariable)
	if binary == "" {
		self, err := os.Executable()
		require.NoError(t, err)
		binary = self
	}
	p := newPane(t)
	terminalState := func(name string) string {
		file := filepath.Join(t.TempDir(), name)
		p.text("stty -g >" + file + "; echo saved-" + name)
		p.keys("Enter")
		p.has("\nsaved-" + name)
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(b)
	}
	before := terminalState("before")
	p.text(fmt.Sprintf("%s=1 %s top --name %s --interval 500ms; echo exit-$?", commandVariable, binary, tracepoint))
	p.keys("Enter")
	p.has("No series yet", tracepoint)
	require.Eventually(t, s.exporter.Enabled, waitLimit, waitTick)
	s.export(t, 1)
	s.export(t, 1)

	// All of them are there, the losses are shown, and the first page is shown.
	screen := p.has("series 10000 ", "1-20/10000", "lost 0  gaps 0  undecodable 0")
	t.Logf("the list:\n%s", screen)
	assert.Len(t, strings.Split(strings.TrimRight(screen, "\n"), "\n"), 24)
	assert.Contains(t, row(screen, 0), "n=i00000")
	assert.Regexp(t, `^many +many\.items +n=i00019 +\+20 `, row(screen, 19))

	// Sorted by value, and the other way around.
	p.keys("3")
	screen = p.has("by value", "VALUE▼")
	assert.Regexp(t, `n=i09998 +\+9999 `, row(screen, 0))
	assert.Regexp(t, `n=i09997 +\+9998 `, row(screen, 1))
	p.keys("r")
	screen = p.has("by value reversed", "VALUE▲")
	assert.Regexp(t, `n=i00000 +\+1 `, row(screen, 0))
	// By rate, which is the one of the last interval.
	p.keys("4")
	p.until("the highest rate",
		func(s string) bool { return strings.Contains(row(s, 0), "n=i09998") && strings.Contains(s, "by rate") })
	p.keys("1")
	p.has("SERVICE▲")

	// Pages: down, to the last, and back.
	p.keys("PageDown")
	screen = p.has(" 20-39/10000")
	assert.Contains(t, row(screen, 0), "n=i00019")
	p.keys("End")
	screen = p.has(" 9981-10000/10000")
	assert.Contains(t, row(screen, 19), "many.latency")
	assert.Contains(t, row(screen, 18), "n=i09998")
	p.keys("PageUp")
	p.has(" 9962-9981/10000")
	p.keys("Home")
	p.has(" 1-20/10000")

	// Filtered to one series, by typing.
	p.keys("/")
	p.text("n=i01234")
	p.has("/n=i01234", "1 match n=i01234")
	p.keys("Enter")
	screen = p.has(" 1-1/1", "1 match n=i01234")
	assert.Regexp(t, `n=i01234 +\+1235 `, row(screen, 0))
	assert.Empty(t, strings.TrimSpace(row(screen, 1)))

	// While the screen is paused it holds, and what is written meanwhile is read.
	p.keys("p")
	p.has(" PAUSED ")
	s.export(t, 70_000)
	p.until("events while it is paused", func(s string) bool { return !strings.Contains(s, "events 0/s") })
	assert.Regexp(t, `n=i01234 +\+1235 `, row(p.screen(), 0))
	p.keys("Space")
	p.until("what was written meanwhile",
		func(s string) bool { return regexp.MustCompile(`n=i01234 +\+71234 `).MatchString(row(s, 0)) })
	assert.NotContains(t, p.screen(), "PAUSED")

	// One series in detail: a counter, then the histogram.
	p.keys("Enter")
	screen = p.has("counter/delta, in {item}", "n=i01234", "3 points", "rate per second, last 3 points")
	t.Logf("a counter:\n%s", screen)
	p.keys("Escape")
	p.has(" 1-1/1")
	p.keys("/", "C-u")
	p.text("LATENCY")
	p.keys("Enter")
	p.has("1 match LATENCY")
	p.keys("Enter")
	screen = p.has("histogram/delta, in ms", "n=100  avg=49.5", "p50 ", "p90 ", "p99 ", "buckets, bounds in ms", "█")
	t.Logf("a histogram:\n%s", screen)
	p.keys("Escape")
	p.has(" 1-1/1")
	p.keys("Escape")
	p.has(" 1-20/10000")

	// It follows the terminal's size, down to hardly any.
	p.tmux("resize-window", "-x", "120", "-y", "40")
	screen = p.has(" 1-36/10000", "  PID\n")
	assert.Contains(t, strings.Split(screen, "\n")[39], "q quit")
	p.tmux("resize-window", "-x", "40", "-y", "10")
	p.until("a small screen", func(s string) bool {
		lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
		return len(lines) == 10 && strings.HasPrefix(lines[9], "q quit") && !strings.Contains(s, "ATTRIBUTES")
	})
	p.tmux("resize-window", "-x", "12", "-y", "3")
	p.until("a tiny screen", func(s string) bool { return strings.HasPrefix(s, "many.items") })
	p.tmux("resize-window", "-x", "80", "-y", "24")
	p.has(" 1-20/10000")

	// Help.
	p.keys("?")
	screen = p.has("PgUp PgDn", "any key  back")
	assert.Contains(t, screen, "20000 series or 48 MiB")
	p.keys("x")
	p.has(" 1-20/10000")

	// And the terminal is what it was.
	p.keys("q")
	screen = p.has("exit-0", "saved-before")
	t.Logf("the end:\n%s", screen)
	assert.Regexp(t, `\d+ events, 30000 points, 0 lost, 0 gaps, 0 undecodable`, screen)
	assert.NotContains(t, screen, "many.items")
	assert.Equal(t, before, terminalState("after"))
}

// A signal ends it as q does.
func TestKernelTopEndsBySignal(t *testing.T) {
	tracepoint := "userevents_top_ends"
	s := startService(t, tracepoint)
	self, err := os.Executable()
	require.NoError(t, err)
	p := newPane(t)
	file := filepath.Join(t.TempDir(), "pid")
	p.text(fmt.Sprintf("(echo $BASHPID >%s; %s=1 exec %s top --name %s); echo exit-$?", file, commandVariable, self,
		tracepoint))
	p.keys("Enter")
	p.has("No series yet")
	require.Eventually(t, s.exporter.Enabled, waitLimit, waitTick)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
	p.has("exit-0", "0 events, 0 points, 0 lost, 0 gaps, 0 undecodable")
}
