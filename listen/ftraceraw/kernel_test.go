// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ftraceraw_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/ftraceraw"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// keepVariable names a folder: what TestKernelRecording records is kept there, to become testdata.
const keepVariable = "USEREVENTS_KEEP_RECORDINGS"

func TestKernelRecording(t *testing.T) {
	ftrace := newInstance(t)
	p := ftrace.produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	var tid int
	onCPU(t, 1, func() error {
		tid = unix.Gettid()
		for i := range recordedEvents {
			if i > 0 {
				time.Sleep(recordedPause)
			}
			if err := p.Write(layouttest.OTLPWrite(binary.NativeEndian, recordedPayload(i))); err != nil {
				return err
			}
		}
		return nil
	})
	recorded := ftrace.pages(t, 1)
	format, header := ftrace.read(t, "events/user_events/otlp_metrics/format"), ftrace.read(t, "events/header_page")
	if folder := os.Getenv(keepVariable); folder != "" {
		for name, text := range map[string]string{"pages": string(recorded), "format": format, "header_page": header} {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
		}
	}
	assertRecording(t, recorded, format, header)
	assert.Empty(t, ftrace.pages(t, 0))

	// Without any option, formats and sizes are this machine's.
	events, _, err := readAll(bytes.NewReader(recorded), ftraceraw.Options{})
	require.NoError(t, err)
	require.Len(t, events, recordedEvents)
	for _, ev := range events {
		assert.Equal(t, tid, ev.TID)
	}
}

// Each payload that ftrace can take is read, byte for byte, and in the order of the writes.
func TestKernelBytes(t *testing.T) {
	ftrace := newInstance(t)
	p := ftrace.produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	largest := os.Getpagesize() - 48
	random := rand.New(rand.NewPCG(1, 2))
	var payloads [][]byte
	for i := range 300 {
		size := random.IntN(largest + 1)
		switch {
		case i < 10:
			size = i
		case i < 14:
			size = largest - i%2
		case i%3 == 0:
			size = random.IntN(120) // around where the short form ends
		}
		payload := make([]byte, size)
		for j := range payload {
			payload[j] = byte(random.Uint32())
		}
		payloads = append(payloads, payload)
	}
	write := func() error {
		for _, payload := range payloads {
			if err := p.Write(layouttest.OTLPWrite(binary.NativeEndian, payload)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, clock := range []string{"local", "mono", "counter"} {
		t.Run(clock, func(t *testing.T) {
			ftrace.set(t, "trace_clock", clock) // empties the buffer
			for cpu := range 2 {
				onCPU(t, cpu, write)
				events, r, err := readAll(bytes.NewReader(ftrace.pages(t, cpu)), ftraceraw.Options{CPU: cpu})
				require.NoError(t, err)
				require.Len(t, events, len(payloads))
				for i, ev := range events {
					if !bytes.Equal(payloads[i], ev.Payload) {
						t.Fatalf("event %d: %d bytes were written, %d others read", i, len(payloads[i]), len(ev.Payload))
					}
					require.Equal(t, cpu, ev.CPU)
					if i > 0 {
						require.GreaterOrEqual(t, ev.Monotonic, events[i-1].Monotonic)
					}
				}
				stats := r.Stats()
				assert.Greater(t, stats.Pages, uint64(20))
				assert.Zero(t, stats.Lost+stats.LostUnknown+stats.Malformed+stats.Other)
			}
		})
	}
}

func TestKernelTimesAreThoseOfTheClock(t *testing.T) {
	ftrace := newInstance(t)
	p := ftrace.produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	ftrace.set(t, "trace_clock", "mono")
	var between []int64 // two of them around each write
	onCPU(t, 0, func() error {
		for i := range 5 {
			if i == 2 {
				time.Sleep(300 * time.Millisecond) // more than 27 bits of nanoseconds
			}
			between = append(between, monotonic())
			if err := p.Write(layouttest.OTLPWrite(binary.NativeEndian, nil)); err != nil {
				return err
			}
			between = append(between, monotonic())
		}
		return nil
	})
	events, _, err := readAll(bytes.NewReader(ftrace.pages(t, 0)), ftraceraw.Options{})
	require.NoError(t, err)
	require.Len(t, events, 5)
	for i, ev := range events {
		assert.GreaterOrEqual(t, ev.Monotonic, between[2*i], "event %d", i)
		assert.LessOrEqual(t, ev.Monotonic, between[2*i+1], "event %d", i)
	}
}

// ftrace overwrites what is oldest, and how much that was is read.
func TestKernelLossesAreCounted(t *testing.T) {
	ftrace := newInstance(t)
	ftrace.set(t, "buffer_size_kb", "32")
	p := ftrace.produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	const written = 5000
	onCPU(t, 1, func() error {
		for i := range written {
			if err := p.Write(layouttest.OTLPWrite(binary.NativeEndian, []byte(strconv.Itoa(i)))); err != nil {
				return err
			}
		}
		return nil
	})
	events, r, err := readAll(bytes.NewReader(ftrace.pages(t, 1)), ftraceraw.Options{})
	require.NoError(t, err)
	stats := r.Stats()
	assert.Positive(t, stats.Received)
	assert.Positive(t, stats.Lost)
	assert.Zero(t, stats.LostUnknown)
	assert.EqualValues(t, written, stats.Received+stats.Lost, "%+v", stats)
	require.NotEmpty(t, events)
	assert.Equal(t, stats.Lost, events[0].LostBefore)
	for i, ev := range events {
		assert.Equal(t, strconv.Itoa(written-len(events)+i), string(ev.Payload))
	}
}

func TestKernelFieldlessAndHostile(t *testing.T) {
	ftrace := newInstance(t)
	p := ftrace.produce(t, "otlp_metrics", tracefs.FieldsNone)
	onCPU(t, 0, func() error {
		for _, data := range [][]byte{
			layouttest.FieldlessWrite(binary.NativeEndian, []byte("payload")),
			{0xFF, 0xFF, 0, 0},
			bytes.Repeat([]byte{0xFF}, 100),
		} {
			if err := p.Write(data); err != nil {
				return fmt.Errorf("%d bytes: %w", len(data), err)
			}
		}
		return nil
	})
	events, r, err := readAll(bytes.NewReader(ftrace.pages(t, 0)), ftraceraw.Options{})
	require.NoError(t, err)
	require.Len(t, events, 3)
	assert.Equal(t, "payload", string(events[0].Payload))
	require.ErrorIs(t, events[1].Err, listen.ErrUndecodable)
	require.ErrorIs(t, events[2].Err, listen.ErrUndecodable)
	assert.EqualValues(t, 2, r.Stats().Undecodable)
}

// user_events_multi has one name in several layouts.
func TestKernelMultiFormat(t *testing.T) {
	var ps [2]*layouttest.Producer
	for i, fields := range []string{tracefs.FieldsOTLP, tracefs.FieldsNone} {
		p, err := layouttest.NewProducer("otlp_multi", fields, tracefs.FlagMultiFormat)
		require.NoError(t, err)
		defer p.Close()
		ps[i] = p
	}
	ftrace := newInstance(t)
	ftrace.set(t, "events/user_events_multi/enable", "1")
	defer ftrace.set(t, "events/user_events_multi/enable", "0")
	onCPU(t, 0, func() error {
		if err := ps[0].Write(layouttest.OTLPWrite(binary.NativeEndian, []byte("three fields"))); err != nil {
			return err
		}
		return ps[1].Write(layouttest.FieldlessWrite(binary.NativeEndian, []byte("none")))
	})
	events, _, err := readAll(bytes.NewReader(ftrace.pages(t, 0)), ftraceraw.Options{Names: []string{"otlp_multi"}})
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, "three fields", string(events[0].Payload))
	assert.Equal(t, "none", string(events[1].Payload))
	assert.Equal(t, "otlp_multi", events[1].Tracepoint)
}

// Sub-buffers may be larger than a page (Linux 6.8), and header_page tells.
func TestKernelLargerSubBuffers(t *testing.T) {
	ftrace := newInstance(t)
	ftrace.set(t, "buffer_subbuf_size_kb", "16")
	p := ftrace.produce(t, "otlp_metrics", tracefs.FieldsOTLP)
	onCPU(t, 0, func() error {
		for i := range 40 {
			if err := p.Write(layouttest.OTLPWrite(binary.NativeEndian, bytes.Repeat([]byte{byte(i)}, 4000))); err != nil {
				return err
			}
		}
		return nil
	})
	recorded := ftrace.pages(t, 0)
	events, r, err := readAll(bytes.NewReader(recorded), ftraceraw.Options{HeaderPage: ftrace.read(t, "events/header_page")})
	require.NoError(t, err)
	assert.Len(t, events, 40)
	assert.EqualValues(t, len(recorded)/(16<<10), r.Stats().Pages)

	_, _, err = readAll(bytes.NewReader(recorded), ftraceraw.Options{PageSize: 4096})
	require.ErrorIs(t, err, ftraceraw.ErrFormat)
	require.ErrorContains(t, err, "PageSize")
}
