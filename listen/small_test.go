// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseCPUList(t *testing.T) {
	tests := []struct {
		text string
		want []int
		err  string
	}{
		{text: "0\n", want: []int{0}},
		{text: "0-3\n", want: []int{0, 1, 2, 3}},
		{text: "0-1,4,6-7", want: []int{0, 1, 4, 6, 7}},
		{text: "5", want: []int{5}},
		{text: "", err: "not a CPU number"},
		{text: "0-", err: "not a CPU number"},
		{text: "-1", err: "not a CPU number"},
		{text: "a", err: "not a CPU number"},
		{text: "0,,1", err: "not a CPU number"},
		{text: "0-9999999", err: "not a CPU number"},
		{text: "3-1", err: "ascending"},
		{text: "1,1", err: "ascending"},
		{text: "0-3,2", err: "ascending"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ParseCPUList(tt.text)
			if tt.err != "" {
				assert.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestRingSizes(t *testing.T) {
	for _, tt := range []struct{ cpus, page, want int }{
		{1, 4096, 4 << 20},
		{32, 4096, 4 << 20},
		{33, 4096, 2 << 20},
		{64, 4096, 2 << 20},
		{128, 4096, 1 << 20},
		{512, 4096, 256 << 10},
		{4096, 4096, 256 << 10},
		{4096, 512 << 10, 512 << 10},
		{0, 4096, 4 << 20},
	} {
		got := DefaultRingSize(tt.cpus, tt.page)
		assert.Equal(t, tt.want, got, "%d CPUs", tt.cpus)
		assert.True(t, validRingSize(got, tt.page))
		assert.LessOrEqual(t, watermark(got), 64<<10)
	}
	assert.Equal(t, 8<<10, watermark(32<<10))
	for size, want := range map[int]bool{
		0: false, -4096: false, 16 << 10: false, 32 << 10: true, 33 << 10: false, 1 << 30: true, 1<<30 + 4096: false,
	} {
		assert.Equal(t, want, validRingSize(size, 4096), "%d", size)
	}
	assert.False(t, validRingSize(32<<10, 64<<10), "less than a page")
}

func TestOptions(t *testing.T) {
	o, err := Options{}.withDefaults()
	require.NoError(t, err)
	assert.Equal(t, Options{Names: []string{"otlp_metrics"}, MaxEvents: 256, MaxFormats: 16, MaxDelay: time.Second}, o)

	tests := []struct {
		name string
		opts Options
		want []string // parts of the error: option, value, what is allowed
	}{
		{"a blank in a name", Options{Names: []string{"a b"}}, []string{"Names", `"a b"`, "A-Za-z"}},
		{"a digit first", Options{Names: []string{"1a"}}, []string{"Names", `"1a"`}},
		{"a path", Options{Names: []string{"../x"}}, []string{"Names", `"../x"`}},
		{"an empty name", Options{Names: []string{""}}, []string{"Names", `""`}},
		{"a long name", Options{Names: []string{strings.Repeat("a", 129)}}, []string{"Names", "128"}},
		{"a name twice", Options{Names: []string{"a", "b", "a"}}, []string{"Names", `"a"`, "duplicate"}},
		{"a layout that is none", Options{Layout: 9}, []string{"Layout", "Layout(9)", "otlp or fieldless"}},
		{"a layout without metrics", Options{Layout: LayoutAny}, []string{"Layout", "any", "otlp or fieldless"}},
		{"a layout below", Options{Layout: -1}, []string{"Layout", "otlp"}},
		{"a policy that is none", Options{Register: 2}, []string{"Register", "Register(2)", "if_missing or never"}},
		{"no events", Options{Events: []string{""}}, []string{"Events", `""`, "empty"}},
		{"no system", Options{Events: []string{":a"}}, []string{"Events", `":a"`, "system"}},
		{"events with a blank", Options{Events: []string{"a *"}}, []string{"Events", `"a *"`, "system:name"}},
		{"a pattern for the kernel's events", Options{Events: []string{"sched:*"}}, []string{"Events", "in full"}},
		{"a pattern for systems", Options{Events: []string{"*:a"}}, []string{"Events", "in full"}},
		{"a pattern twice", Options{Events: []string{"a*", "a*"}}, []string{"Events", `"a*"`, "duplicate"}},
		{"a negative number of events", Options{MaxEvents: -1}, []string{"MaxEvents", "-1", "1 to 4096"}},
		{"too many events", Options{MaxEvents: 4097}, []string{"MaxEvents", "4097"}},
		{"more names than events", Options{Events: []string{"a", "b", "c*"}, MaxEvents: 1},
			[]string{"MaxEvents", "at least", "2"}},
		{"an empty pattern", Options{ProcessNames: []string{"a", ""}}, []string{"ProcessNames", `""`, "empty"}},
		{"a negative number of formats", Options{MaxFormats: -1}, []string{"MaxFormats", "-1", "1 to 1024"}},
		{"too many formats", Options{MaxFormats: 1025}, []string{"MaxFormats", "1025"}},
		{"a ring that is no power of two", Options{RingSize: 100_000}, []string{"RingSize", "100000", "power of two"}},
		{"a small ring", Options{RingSize: 4096}, []string{"RingSize", "4096", "32768"}},
		{"a negative ring", Options{RingSize: -1}, []string{"RingSize", "-1"}},
		{"a negative pid", Options{PIDs: []int{1, -2}}, []string{"PIDs", "-2", "negative"}},
		{"a short delay", Options{MaxDelay: time.Millisecond}, []string{"MaxDelay", "1ms", "10ms to 1m"}},
		{"a long delay", Options{MaxDelay: time.Hour}, []string{"MaxDelay", "1h"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(tt.opts)
			require.ErrorIs(t, err, ErrInvalidOption)
			for _, w := range tt.want {
				assert.ErrorContains(t, err, w)
			}
		})
	}
	o, err = Options{Events: []string{"a*"}}.withDefaults()
	require.NoError(t, err)
	assert.Empty(t, o.Names, "no metrics unless they are asked for")
	for _, name := range []string{"a", "_", "A9_z", strings.Repeat("a", 128)} {
		_, err := Options{Names: []string{name}}.withDefaults()
		assert.NoError(t, err)
	}
}

func TestValidateReturnsAllThatIsWrong(t *testing.T) {
	err := Options{Names: []string{"a b", "c", "c"}, RingSize: 1, PIDs: []int{-1}, MaxDelay: time.Hour}.Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok)
	var got []OptionError
	for _, err := range joined.Unwrap() {
		var option *OptionError
		require.ErrorAs(t, err, &option)
		got = append(got, *option)
	}
	assert.Equal(t, []OptionError{
		{"Names", "a b", "must be [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes"},
		{"Names", "c", "duplicate name"},
		{"RingSize", 1, got[2].Reason},
		{"PIDs", -1, "must not be negative"},
		{"MaxDelay", time.Hour, "must be 10ms to 1m0s, or 0 for the default"},
	}, got)
	assert.EqualError(t, &got[0],
		`listen: invalid option Names: "a b": must be [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes`)
	assert.NoError(t, Options{}.Validate())
}

func TestOptionsAreCopied(t *testing.T) {
	names, pids := []string{"a"}, []int{1}
	o, err := Options{Names: names, PIDs: pids}.withDefaults()
	require.NoError(t, err)
	names[0], pids[0] = "b", 2
	assert.Equal(t, []string{"a"}, o.Names)
	assert.Equal(t, []int{1}, o.PIDs)
}

func TestWallClock(t *testing.T) {
	second := int64(time.Second)
	base := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	var mono int64
	wall := base
	reads := 0
	c := wallClock{read: func() (int64, time.Time) { reads++; return mono, wall }}

	mono = 100 * second
	c.refresh(mono)
	assert.Equal(t, base, c.at(100*second))
	assert.Equal(t, base.Add(-time.Minute), c.at(40*second), "before the anchor")
	assert.Equal(t, base.Add(3*time.Nanosecond), c.at(100*second+3))

	c.refresh(100*second + second/2)
	assert.Equal(t, 1, reads, "not yet old")

	// The wall clock is set an hour ahead.
	mono, wall = 101*second, base.Add(time.Hour)
	c.refresh(mono)
	assert.Equal(t, 2, reads)
	assert.Equal(t, base.Add(time.Hour+time.Second), c.at(102*second))
}

func TestSystemClockTakesTheBestOfItsTries(t *testing.T) {
	for _, test := range []struct {
		name  string
		steps []int64
		want  int64
		left  int // of the steps
	}{
		{"interrupted each time", []int64{0, 90_000, 200_000, 203_000, 300_000, 900_000}, 201_500, 0},
		{"at first", []int64{0, 90_000, 200_000, 202_000, 300_000, 300_000}, 201_000, 2},
		{"not interrupted", []int64{0, 500, 200_000, 200_000, 300_000, 300_000}, 250, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			steps := test.steps
			c := systemClock(func() int64 { s := steps[0]; steps = steps[1:]; return s })
			mono, wall := c()
			assert.Equal(t, test.want, mono)
			assert.False(t, wall.IsZero())
			assert.Len(t, steps, test.left)
		})
	}
}

func TestOnlineCPUsOfThisMachine(t *testing.T) {
	if _, err := os.Stat("/sys/devices/system/cpu/online"); err != nil {
		t.Skip("no sysfs here: " + err.Error())
	}
	sys, err := newSystem()
	require.NoError(t, err)
	cpus, err := sys.onlineCPUs()
	require.NoError(t, err)
	assert.NotEmpty(t, cpus)
	assert.Greater(t, sys.monotonic(), int64(0))
	own, err := sys.process(os.Getpid())
	require.NoError(t, err)
	assert.Less(t, int64(own.Start), sys.monotonic()+sys.suspended())
}
