// SPDX-License-Identifier: Apache-2.0

// Not with LinuxTracepoints' library, which keeps its one descriptor, and so the tracepoint, until the process ends,
// and takes none that is open: what these tests take away and give back stays.
//go:build kernel && disruptive && !linuxtracepoints

package exporter_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const (
	eventsMax  = "/proc/sys/kernel/user_events_max"
	faultTable = "FAULT | " // marks the lines that scripts/fault-table makes a table of
)

// fault is something that is wrong on a machine. happen makes it so and returns what repairs it.
type fault struct {
	name   string
	want   error
	says   []string
	happen func(*testing.T) (repair func())
}

var faults = []fault{
	{
		name: "no tracefs is mounted", want: fs.ErrNotExist,
		says:   []string{"mount -t tracefs"},
		happen: kerneltest.WithoutTracefs,
	},
	{
		name: "tracefs is mounted read-only", want: syscall.EROFS,
		says:   []string{"user_events_data", "read-only"},
		happen: readOnlyTracefs,
	},
	{
		name: "the name is taken by an event with other fields", want: syscall.EADDRINUSE,
		says:   []string{"otlp_metrics", "other fields"},
		happen: takenName,
	},
	{
		name: "kernel.user_events_max is reached", want: syscall.EMFILE,
		says:   []string{"user_events_max"},
		happen: noEventLeft,
	},
	{
		name: "the process has no descriptor left", want: syscall.EMFILE,
		says:   []string{"ulimit -n"},
		happen: noDescriptorLeft,
	},
}

func TestKernelFaults(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			// The event of the test before lingers for a moment, and would be there for the taking.
			kerneltest.Gone(t, kerneltest.OTLP)
			handled := metrictest.CatchErrors(t)
			repair := fault.happen(t)

			required, err := usereventsmetric.New(usereventsmetric.WithRequired())
			if err == nil {
				_ = required.Shutdown(t.Context())
			}
			require.ErrorIs(t, err, fault.want)
			assert.Empty(t, handled.All(), "with WithRequired the caller has the error")

			exporter, err := usereventsmetric.New()
			require.NoError(t, err)
			defer func() { require.NoError(t, exporter.Shutdown(context.Background())) }()
			for range 3 {
				require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5)))
			}
			require.ErrorIs(t, exporter.Status().Err, fault.want)
			assert.False(t, exporter.Status().Registered)

			repair()
			collected := kerneltest.Collect(t, listen.Options{})
			require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5)))
			collected.Drained(t)
			assert.Equal(t, metrictest.Numbers(5), collected.Sums(t), "the next Export goes through")
			assert.NoError(t, exporter.Status().Err)

			reported := handled.All()
			require.Len(t, reported, 1, "once")
			require.ErrorIs(t, reported[0], fault.want)
			for _, part := range fault.says {
				assert.ErrorContains(t, reported[0], part)
			}
			reportFault(t, fault.name, reported[0].Error(), "yes, at the next Export")
		})
	}
}

func reportFault(t *testing.T, name, reported, recovers string) {
	if _, reason, found := strings.Cut(reported, "tries again: "); found {
		reported = reason
	}
	t.Log(faultTable + name + " | " + reported + " | " + recovers)
}

// An unprivileged process, and a right that comes while it runs.
func TestKernelFaultNoPermission(t *testing.T) {
	application := startProducer(t, unprivileged)
	application.export(t)
	application.export(t)

	// The directory's group stays as it is: it is the group of the other files in there, too.
	const group = 1000
	require.NoError(t, os.Chmod(kerneltest.Tracing, 0o711))
	require.NoError(t, os.Chown(dataFile, 0, group))
	require.NoError(t, os.Chmod(dataFile, 0o620))
	defer func() {
		for path, mode := range map[string]os.FileMode{kerneltest.Tracing: 0o700, dataFile: 0o640} {
			assert.NoError(t, os.Chown(path, 0, 0))
			assert.NoError(t, os.Chmod(path, mode))
		}
	}()
	collected := kerneltest.Collect(t, listen.Options{})
	application.export(t)
	application.stop(t)
	collected.Drained(t)
	assert.Equal(t, metrictest.Numbers(5), collected.Sums(t))
	require.Len(t, application.reported, 1)
	assert.Contains(t, application.reported[0], "permission denied")
	assert.Contains(t, application.reported[0], "chgrp")
	reportFault(t, "the process has no permission", application.reported[0], "yes, at the next Export")
}

// A running exporter holds its file open, so it does not even notice.
func TestKernelFaultTracefsGoesAndComes(t *testing.T) {
	handled := metrictest.CatchErrors(t)
	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
	require.NoError(t, err)
	defer func() { require.NoError(t, exporter.Shutdown(context.Background())) }()
	listener := kerneltest.Attach(t, listen.Options{})
	repair := kerneltest.WithoutTracefs(t)
	assert.True(t, exporter.Enabled())
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5)))
	var event listen.Event
	require.NoError(t, listener.Read(t.Context(), &event))
	assert.Equal(t, metrictest.Numbers(5), metrictest.SumsOf(t, event.Payload))
	require.NoError(t, listener.Close())
	assert.False(t, exporter.Enabled())

	repair()
	collected := kerneltest.Collect(t, listen.Options{})
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5)))
	collected.Drained(t)
	assert.Equal(t, metrictest.Numbers(5), collected.Sums(t))
	assert.Empty(t, handled.All())
	reportFault(t, "tracefs is unmounted under a running exporter, and mounted again", "nothing", "it goes on")
}

// The file alone, as it is mounted into a container or a unit that must not see more of /sys.
func TestKernelFaultOnlyTheFileIsMounted(t *testing.T) {
	point := filepath.Join(t.TempDir(), "user_events_data")
	require.NoError(t, os.WriteFile(point, nil, 0o600))
	require.NoError(t, syscall.Mount(dataFile, point, "", syscall.MS_BIND, ""))
	defer func() { assert.NoError(t, syscall.Unmount(point, syscall.MNT_DETACH)) }()

	for _, test := range []struct {
		name string
		opts []usereventsmetric.Option
	}{
		{"found among the mounts", nil},
		{"named", []usereventsmetric.Option{usereventsmetric.WithUserEventsPath(point)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			repair := kerneltest.WithoutTracefs(t)
			exporter, err := usereventsmetric.New(append(test.opts, usereventsmetric.WithRequired())...)
			repair()
			require.NoError(t, err)
			defer func() { require.NoError(t, exporter.Shutdown(context.Background())) }()
			collected := kerneltest.Collect(t, listen.Options{})
			require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5)))
			collected.Drained(t)
			assert.Equal(t, metrictest.Numbers(5), collected.Sums(t))
		})
	}
	t.Run("named by the environment", func(t *testing.T) {
		t.Setenv("USEREVENTS_DATA_FILE", point)
		repair := kerneltest.WithoutTracefs(t)
		exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
		repair()
		require.NoError(t, err)
		require.NoError(t, exporter.Shutdown(t.Context()))
	})
	reportFault(t, "the mount point is user_events_data itself", "nothing", "it is used as it is")
}

func readOnlyTracefs(t *testing.T) func() {
	t.Helper()
	mount := kerneltest.WithoutTracefs(t)
	require.NoError(t, syscall.Mount("nodev", kerneltest.Tracing, "tracefs", 0, ""))
	require.NoError(
		t,
		syscall.Mount("", kerneltest.Tracing, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""),
	)
	return onceAlsoAtTheEnd(t, func() {
		require.NoError(t, syscall.Unmount(kerneltest.Tracing, syscall.MNT_DETACH))
		mount()
	})
}

func takenName(t *testing.T) func() {
	t.Helper()
	file, _, err := tracefs.Open("")
	require.NoError(t, err)
	taken, err := tracefs.Register(file, "otlp_metrics u64 something_else", 0)
	require.NoError(t, err)
	return onceAlsoAtTheEnd(t, func() {
		require.NoError(t, taken.Unregister(file))
		require.NoError(t, file.Close())
		kerneltest.Gone(t, kerneltest.OTLP)
	})
}

func noEventLeft(t *testing.T) func() {
	t.Helper()
	before, err := os.ReadFile(eventsMax)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(eventsMax, []byte("0"), 0))
	return onceAlsoAtTheEnd(t, func() { require.NoError(t, os.WriteFile(eventsMax, before, 0)) })
}

func noDescriptorLeft(t *testing.T) func() {
	t.Helper()
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	runtime.GC() // files that nobody holds any more are closed now and not later
	none := before
	none.Cur = 3
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	return onceAlsoAtTheEnd(t, func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)) })
}

// onceAlsoAtTheEnd sees to it that the machine is as it was, whatever becomes of the test.
func onceAlsoAtTheEnd(t *testing.T, repair func()) func() {
	done := false
	once := func() {
		if !done {
			done = true
			repair()
		}
	}
	t.Cleanup(once)
	return once
}
