// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package perfdata_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// keepVariable names a folder: what TestKernelRecordings records is kept there, to become testdata.
const keepVariable = "USEREVENTS_KEEP_RECORDINGS"

func TestKernelRecordings(t *testing.T) {
	p := produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	o := produce(t, "other", "u32 n")
	comm, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	for n, row := range recordings {
		t.Run(row.name, func(t *testing.T) {
			data, _ := recording{options: row.options, self: row.self, stream: row.stream}.record(t, func(string) {
				for i := range recordedEvents {
					require.NoError(t, p.Write(layouttest.OTLPWrite(binary.NativeEndian, recordedPayload(i))))
					if o.Enabled() {
						require.NoError(t, o.Write(binary.NativeEndian.AppendUint32(nil, 7)))
					}
				}
			})
			if folder := os.Getenv(keepVariable); folder != "" {
				var b bytes.Buffer
				z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
				require.NoError(t, err)
				_, err = z.Write(data)
				require.NoError(t, err)
				require.NoError(t, z.Close())
				require.NoError(t, os.WriteFile(filepath.Join(folder, row.name+".gz"), b.Bytes(), 0o644))
			}
			assertRecording(t, n, data, strings.TrimSpace(string(comm)))
		})
	}
}

// Each payload that was written is read, byte for byte, and those of one thread in the order of its writes.
func TestKernelBytes(t *testing.T) {
	p := produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	random := rand.New(rand.NewPCG(1, 2))
	var payloads [2][][]byte // by CPU
	for i := range 400 {
		size := random.IntN(8169)
		switch i {
		case 0, 1:
			size = 0
		case 2, 3:
			size = 8168
		}
		payload := make([]byte, size)
		for j := range payload {
			payload[j] = byte(random.Uint32())
		}
		payloads[i%2] = append(payloads[i%2], payload)
	}
	for _, form := range []struct {
		name string
		recording
	}{
		{"file", recording{options: []string{"-m", "8M", "-e", event}}},
		{"stream", recording{options: []string{"-m", "8M", "-k", "CLOCK_MONOTONIC", "-e", event}, stream: true}},
		{"callchains",
			recording{options: []string{"-g", "-d", "--switch-events", "-m", "8M", "-k", "CLOCK_MONOTONIC", "-e",
				event}}},
	} {
		t.Run(form.name, func(t *testing.T) {
			before := time.Now()
			data, said := form.record(t, func(string) {
				for i := range payloads[0] {
					for cpu := range payloads {
						onCPU(t, cpu,
							func() error {
								return p.Write(layouttest.OTLPWrite(binary.NativeEndian,
									payloads[cpu][i]))
							})
					}
				}
			})
			events, r, err := readAll(input(data, form.stream), perfdata.Options{})
			require.NoError(t, err)
			var got [2][][]byte
			for _, ev := range events {
				require.Contains(t, []int{0, 1}, ev.CPU)
				got[ev.CPU] = append(got[ev.CPU], ev.Payload)
				require.Equal(t, os.Getpid(), ev.PID)
				if r.Info().WallClock {
					assert.WithinRange(t, ev.Time, before.Add(-time.Second), time.Now().Add(time.Second))
				}
			}
			for cpu := range payloads {
				require.Len(t, got[cpu], len(payloads[cpu]))
				for i := range payloads[cpu] {
					if !bytes.Equal(payloads[cpu][i], got[cpu][i]) {
						t.Fatalf("CPU %d, event %d: %d bytes were written, %d others read", cpu, i,
							len(payloads[cpu][i]), len(got[cpu][i]))
					}
				}
			}
			if r.Info().WallClock {
				// One write was over before the next began, on another CPU, and this clock is the same on both.
				for i, ev := range events {
					require.Equal(t, i%2, ev.CPU, "event %d", i)
				}
			}
			assert.Zero(t, r.Stats().Disordered)
			if !form.stream {
				assert.EqualValues(t, samples(t, said), r.Stats().Received, "perf said: %s", said)
			}
		})
	}
}

// samples is how many perf said that it recorded.
func samples(t *testing.T, said string) int {
	t.Helper()
	m := regexp.MustCompile(`\((\d+) samples\)`).FindStringSubmatch(said)
	require.NotNil(t, m, "%s", said)
	n, err := strconv.Atoi(m[1])
	require.NoError(t, err)
	return n
}

func TestKernelLossesAreCounted(t *testing.T) {
	p := produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	const written = 400
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream %v", stream), func(t *testing.T) {
			data, said := recording{options: []string{"-m", "8", "-e", event}, stream: stream}.record(t, func(string) {
				onCPU(t, 1, func() error {
					for i := range written {
						if err := p.Write(layouttest.OTLPWrite(binary.NativeEndian,
							bytes.Repeat([]byte{byte(i)}, 4000))); err != nil {
							return err
						}
					}
					return nil
				})
			})
			events, r, err := readAll(input(data, stream), perfdata.Options{})
			require.NoError(t, err)
			stats := r.Stats()
			assert.Len(t, events, int(stats.Received))
			assert.Positive(t, stats.Received)
			assert.Positive(t, stats.Lost)
			assert.EqualValues(t, written, stats.Received+stats.Lost, "%+v", stats)
			var before uint64
			for i, ev := range events {
				before += ev.LostBefore
				if i == 0 {
					continue
				}
				// The payloads are numbered, so the gap can be seen.
				gap := ev.Payload[0] - events[i-1].Payload[0] - 1
				assert.EqualValues(t, gap, ev.LostBefore%256, "before event %d", i)
			}
			assert.LessOrEqual(t, before, stats.Lost)
			if !stream {
				assert.EqualValues(t, samples(t, said), stats.Received)
				assert.Equal(t, perfLost(t, data), stats.Lost)
			}
		})
	}
}

// perfLost is how many of the event were lost as perf counts them. Another one in the same rings, by which perf follows
// processes, can lose some as well.
func perfLost(t *testing.T, data []byte) uint64 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "perf.data")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	stats, err := exec.Command("perf", "report", "--stats", "-i", file).Output()
	require.NoError(t, err)
	_, ours, found := strings.Cut(string(stats), event+" stats:")
	require.True(t, found, "%s", stats)
	m := regexp.MustCompile(`LOST_SAMPLES events: +(\d+)`).FindStringSubmatch(ours)
	require.NotNil(t, m, "%s", stats)
	lost, err := strconv.ParseUint(m[1], 10, 64)
	require.NoError(t, err)
	return lost
}

func TestKernelFieldless(t *testing.T) {
	p := produce(t, "otlp_metrics", tracefs.FieldsNone)
	data, _ := recording{options: []string{"-e", event}}.record(t, func(string) {
		require.NoError(t, p.Write(layouttest.FieldlessWrite(binary.NativeEndian, []byte("payload"))))
		require.NoError(t, p.Write([]byte{0xFF, 0xFF, 0, 0}))
	})
	events, r, err := readAll(bytes.NewReader(data), perfdata.Options{})
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, "payload", string(events[0].Payload))
	require.ErrorIs(t, events[1].Err, listen.ErrUndecodable)
	assert.EqualValues(t, 1, r.Stats().Undecodable)
	assert.Equal(t, listen.LayoutFieldless, r.Info().Tracepoints[0].Layout)
}

// EventHeader events and one of the kernel's tracepoints, as perf records them.
func TestKernelEventHeader(t *testing.T) {
	provider, err := eventheader.NewProvider("TestKernelEventHeader")
	require.NoError(t, err)
	defer func() { require.NoError(t, provider.Close()) }()
	set, err := provider.EventSet(eventheader.LevelWarning, 0x1f)
	require.NoError(t, err)
	tracepoint := set.Name().String()
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream %v", stream), func(t *testing.T) {
			options := []string{"-k", "CLOCK_MONOTONIC", "-e", "user_events:" + tracepoint,
				"-e", "sched:sched_process_exec"}
			command := exec.Command("/bin/true")
			data, _ := recording{options: options, stream: stream}.record(t, func(string) {
				require.True(t, set.Enabled())
				var b eventheader.Builder
				require.NoError(t, set.Write(b.Reset("order", 0).String("item", "books").Uint16("count", 3)))
				require.NoError(t, command.Run())
			})
			events, r, err := readAll(input(data, stream), perfdata.Options{Events: []string{"*:*"}})
			require.NoError(t, err)
			var got []string
			for _, ev := range events {
				if ev.PID == os.Getpid() || ev.PID == command.Process.Pid {
					ev.Time, ev.CPU, ev.TID = time.Time{}, 0, ev.PID
					text, err := ev.AppendJSON(nil)
					require.NoError(t, err)
					got = append(got, string(text))
				}
			}
			pid := command.Process.Pid
			assert.Equal(t, []string{
				fmt.Sprintf(`{"n":"TestKernelEventHeader:order","item":"books","count":3,`+
					`"meta":{"cpu":0,"pid":%d,"tid":%[1]d,"level":3,"keyword":"0x1F"}}`, os.Getpid()),
				fmt.Sprintf(`{"n":"sched:sched_process_exec","filename":"/bin/true","pid":%d,"old_pid":%[1]d,`+
					`"meta":{"cpu":0,"pid":%[1]d,"tid":%[1]d}}`, pid),
			}, got)
			assert.Zero(t, r.Stats().Lost+r.Stats().Undecodable+r.Stats().Unknown)
		})
	}
}

// A killed perf leaves what it had written, without what describes it.
func TestKernelKilled(t *testing.T) {
	p := produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	format, err := os.ReadFile("/sys/kernel/tracing/events/user_events/otlp_metrics/format")
	require.NoError(t, err)
	written := 0
	data, _ := recording{options: []string{"-m", "64", "-e", event}, kill: true}.record(t, func(file string) {
		require.Eventually(t, func() bool {
			for range 20 {
				payload := bytes.Repeat([]byte{byte(written)}, 4000)
				written++
				if err := p.Write(layouttest.OTLPWrite(binary.NativeEndian, payload)); err != nil {
					return false
				}
			}
			info, err := os.Stat(file)
			return err == nil && info.Size() > 200_000
		}, time.Minute, 10*time.Millisecond)
	})
	_, _, err = readAll(bytes.NewReader(data), perfdata.Options{})
	require.ErrorIs(t, err, perfdata.ErrNoTracepoint)
	require.ErrorContains(t, err, "format file")

	events, r, err := readAll(bytes.NewReader(data), perfdata.Options{Formats: []string{string(format)}})
	if err != nil { // it was killed in the midst of a write
		require.ErrorIs(t, err, perfdata.ErrTruncated)
	}
	assert.True(t, r.Info().Unfinished)
	assert.Greater(t, len(events), 10)
	assert.LessOrEqual(t, len(events), written)
	for _, ev := range events {
		require.Len(t, ev.Payload, 4000)
	}
}
