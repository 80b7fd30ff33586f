// SPDX-License-Identifier: Apache-2.0

//go:build kernel && cgo && !purego

package conformance_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/cgo/libeventheader"
	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
	"github.com/otel-userevents/usereventsmetric/internal/ftraceraw"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
)

// The libeventheader interface, which only the backends in C have.
func TestKernelEventHeaderConformance(t *testing.T) {
	t.Log("the backend is", libeventheader.Backend)
	run(t, []row{
		{"a tracepoint has the name and the fields that all share", ehDeclaration},
		{"a name is as long as it may be", ehLongName},
		{"every part of an event comes as it was written", ehParts},
		{"a write to nobody is no error", ehWriteToNobody},
		{"an event that is not whole is not written", ehChecks},
		{"a registration that the kernel refuses is its errno", ehRegistrationErrors},
		{"events of one level and keyword share a tracepoint", ehShared},
		{"closing twice, and using what is closed", ehClosed},
		{"two threads, 1,000 rounds of opening and closing", ehRounds},
		{"a write allocates nothing", ehAllocations},
	})
}

func ehOpen(t *testing.T, name, options string) *libeventheader.Provider {
	t.Helper()
	kerneltest.ClearTrace(t)
	provider, err := libeventheader.OpenProvider(name, options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, provider.Close()) })
	return provider
}

func ehConnect(
	t *testing.T, provider *libeventheader.Provider, level uint8, keyword uint64,
) *libeventheader.Tracepoint {
	t.Helper()
	connected, err := provider.Connect(level, keyword)
	require.NoError(t, err)
	return connected
}

func ehDeclaration(t *testing.T) {
	ehConnect(t, ehOpen(t, "conf_EH", "Gg1"), 0xab, 0xfedcba9876543210)
	format, err := os.ReadFile(filepath.Join(kerneltest.EventDir("conf_EH_LabKfedcba9876543210Gg1"), "format"))
	require.NoError(t, err)
	rest := format
	for _, field := range []string{
		"u8 eventheader_flags", "u8 version", "u16 id", "u16 tag", "u8 opcode", "u8 level",
	} {
		at := bytes.Index(rest, []byte("field:"+field+";"))
		require.Positive(t, at, "%s\n%s", field, format)
		rest = rest[at:]
	}
	assert.Equal(t, 1, bytes.Count(rest, []byte("field:")), "and no other")
}

func ehLongName(t *testing.T) {
	const others = len("_L4K1")
	provider := "conf_EH" + strings.Repeat("x", libeventheader.NameMax-1-others-len("conf_EH"))
	connected := ehConnect(t, ehOpen(t, provider, ""), 4, 1)
	kerneltest.Listen(t, provider+"_L4K1", true)
	defer kerneltest.Listen(t, provider+"_L4K1", false)
	require.NoError(t, connected.Write(&libeventheader.Event{}))
	assert.Len(t, ehRecorded(t), 1)
	_, err := ehOpen(t, provider+"x", "").Connect(4, 1)
	assert.ErrorIs(t, err, syscall.E2BIG)
}

// ehRecorded returns what ftrace has of events since the last call, from eventheader_flags on. A record may have up to
// three bytes of padding.
func ehRecorded(t *testing.T) (events [][]byte) {
	t.Helper()
	pipes, err := filepath.Glob(filepath.Join(kerneltest.Tracing, "per_cpu/cpu*/trace_pipe_raw"))
	require.NoError(t, err)
	require.NotEmpty(t, pipes)
	page := make([]byte, os.Getpagesize())
	for _, pipe := range pipes {
		fd, err := unix.Open(pipe, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		for {
			n, err := unix.Read(fd, page)
			if n <= 0 {
				require.True(t, err == nil || errors.Is(err, syscall.EAGAIN), "%v", err)
				break
			}
			parsed, _, err := ftraceraw.Parse(page[:n], len(page))
			require.NoError(t, err)
			for _, event := range parsed {
				const commonFields = 8
				events = append(events, bytes.Clone(event.Raw[commonFields:]))
			}
		}
		require.NoError(t, unix.Close(fd))
	}
	return events
}

const (
	ehMetadataKind = 1
	ehActivityKind = 2
	ehChained      = 0x8000
)

func ehExtension(kind uint16, data ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(len(data)))
	return append(binary.NativeEndian.AppendUint16(b, kind), data...)
}

// ehExpected is event as a reader gets it.
func ehExpected(event libeventheader.Event, level uint8) []byte {
	const pointer64, littleEndian, extended = 1, 2, 4
	flags := byte(pointer64)
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		flags |= littleEndian
	}
	if event.Extended || event.ActivityID != nil || event.Metadata != nil {
		flags |= extended
	}
	b := []byte{flags, event.Version}
	b = binary.NativeEndian.AppendUint16(b, event.ID)
	b = binary.NativeEndian.AppendUint16(b, event.Tag)
	b = append(b, event.Opcode, level)
	if event.ActivityID != nil {
		ids := event.ActivityID[:]
		if event.RelatedID != nil {
			ids = append(bytes.Clone(ids), event.RelatedID[:]...)
		}
		kind := uint16(ehActivityKind)
		if event.Metadata != nil || event.Extended {
			kind |= ehChained
		}
		b = append(b, ehExtension(kind, ids...)...)
	}
	return append(append(b, event.Metadata...), event.Payload...)
}

func ehParts(t *testing.T) {
	connected := ehConnect(t, ehOpen(t, "conf_EH", ""), 4, 0x10)
	kerneltest.Listen(t, "conf_EH_L4K10", true)
	defer kerneltest.Listen(t, "conf_EH_L4K10", false)
	assert.True(t, connected.Enabled())

	activity, related := [16]byte([]byte("the activity's..")), [16]byte([]byte("the related one!"))
	metadata := ehExtension(ehMetadataKind, []byte("event\x00field\x00\x02")...)
	chainedMetadata := ehExtension(ehMetadataKind|ehChained, metadata[4:]...)
	unknown := ehExtension(77, []byte("unknown")...)
	withPayload := func(parts ...[]byte) []byte { return append(bytes.Join(parts, nil), 42) }
	for _, test := range []struct {
		name  string
		event libeventheader.Event
	}{
		{"header", libeventheader.Event{ID: 0x1234, Version: 5, Tag: 0x6789, Opcode: 1}},
		{"payload", libeventheader.Event{Payload: withPayload()}},
		{"activity", libeventheader.Event{ActivityID: &activity, Payload: withPayload()}},
		{"related activity", libeventheader.Event{ActivityID: &activity, RelatedID: &related}},
		{"metadata", libeventheader.Event{Metadata: metadata, Payload: withPayload()}},
		{"metadata and no payload", libeventheader.Event{Metadata: metadata}},
		{"all", libeventheader.Event{
			ActivityID: &activity, RelatedID: &related, Metadata: metadata, Payload: withPayload(),
		}},
		{"another extension", libeventheader.Event{Extended: true, Payload: withPayload(unknown)}},
		{"another extension behind an activity", libeventheader.Event{
			ActivityID: &activity, Extended: true, Payload: withPayload(unknown),
		}},
		{"another extension behind metadata", libeventheader.Event{
			ActivityID: &activity, Metadata: chainedMetadata, Payload: withPayload(unknown),
		}},
		{"a large payload", libeventheader.Event{Metadata: metadata, Payload: bytes.Repeat([]byte{7}, 3900)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.NoError(t, connected.Write(&test.event))
			recorded := ehRecorded(t)
			require.Len(t, recorded, 1)
			expected := ehExpected(test.event, 4)
			require.GreaterOrEqual(t, len(recorded[0]), len(expected))
			assert.Equal(t, expected, recorded[0][:len(expected)])
			assert.Less(t, len(recorded[0])-len(expected), 4)
		})
	}
}

func ehWriteToNobody(t *testing.T) {
	connected := ehConnect(t, ehOpen(t, "conf_EH", ""), 4, 1)
	assert.False(t, connected.Enabled())
	require.NoError(t, connected.Write(&libeventheader.Event{Payload: []byte{1}}))
	assert.Empty(t, ehRecorded(t))
}

func ehChecks(t *testing.T) {
	connected := ehConnect(t, ehOpen(t, "conf_EH", ""), 4, 1)
	kerneltest.Listen(t, "conf_EH_L4K1", true)
	defer kerneltest.Listen(t, "conf_EH_L4K1", false)
	for _, event := range []libeventheader.Event{
		{RelatedID: new([16]byte)},
		{Metadata: append(ehExtension(ehMetadataKind, 'e', 0), 0)},
		{Metadata: ehExtension(ehMetadataKind, 'e', 0)[:5]},
	} {
		assert.ErrorIs(t, connected.Write(&event), syscall.EINVAL)
	}
	assert.Empty(t, ehRecorded(t))
	require.NoError(t, connected.Write(&libeventheader.Event{Metadata: []byte{}}), "no metadata")
	assert.Len(t, ehRecorded(t), 1)
}

func ehRegistrationErrors(t *testing.T) {
	taken := register(t, open(t), "conf_EHtaken_L4K1 u32 a")
	provider := ehOpen(t, "conf_EHtaken", "")
	_, err := provider.Connect(4, 1)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	ehConnect(t, provider, 4, 2)
	require.NoError(t, taken.Close())
}

func ehShared(t *testing.T) {
	provider := ehOpen(t, "conf_EH", "")
	first, second, other := ehConnect(t, provider, 4, 1), ehConnect(t, provider, 4, 1), ehConnect(t, provider, 5, 1)
	kerneltest.Listen(t, "conf_EH_L4K1", true)
	defer kerneltest.Listen(t, "conf_EH_L4K1", false)
	assert.True(t, first.Enabled())
	assert.True(t, second.Enabled())
	assert.False(t, other.Enabled())
	require.NoError(t, first.Close())
	for _, tracepoint := range []*libeventheader.Tracepoint{second, other} {
		require.NoError(t, tracepoint.Write(&libeventheader.Event{}))
	}
	assert.Len(t, ehRecorded(t), 1)
}

func ehClosed(t *testing.T) {
	provider := ehOpen(t, "conf_EH", "")
	one, other := ehConnect(t, provider, 4, 1), ehConnect(t, provider, 4, 1)
	require.NoError(t, one.Close())
	require.NoError(t, one.Close(), "a second time")
	assert.ErrorIs(t, one.Write(&libeventheader.Event{}), libtracepoint.ErrClosed)
	require.NoError(t, provider.Close())
	require.NoError(t, provider.Close(), "a second time")
	assert.ErrorIs(t, other.Write(&libeventheader.Event{}), os.ErrClosed)
	assert.NoError(t, other.Close())
	assert.False(t, other.Enabled())
	_, err := provider.Connect(4, 1)
	assert.ErrorIs(t, err, libtracepoint.ErrClosed)
	gone(t, "conf_EH_L4K1")
}

func ehRounds(t *testing.T) {
	const threads, rounds = 2, 1000
	var group sync.WaitGroup
	for thread := range threads {
		group.Go(func() {
			for round := range rounds {
				if !ehRound(t, fmt.Sprintf("conf_EH%d", thread), round) {
					return
				}
			}
		})
	}
	group.Wait()
	assert.Len(t, kerneltest.Descriptors(t), descriptorsAfterClose())
	for thread := range threads {
		gone(t, fmt.Sprintf("conf_EH%d_L4K1", thread))
	}
}

// ehRound opens, connects, writes and closes; every other time it closes the tracepoint by itself.
func ehRound(t *testing.T, name string, round int) (ok bool) {
	provider, err := libeventheader.OpenProvider(name, "")
	if !assert.NoError(t, err) {
		return false
	}
	connected, err := provider.Connect(4, 1)
	if ok = assert.NoError(t, err); ok {
		ok = assert.NoError(t, connected.Write(&libeventheader.Event{}))
		if round%2 == 0 {
			ok = assert.NoError(t, connected.Close()) && ok
		}
	}
	return assert.NoError(t, provider.Close()) && ok
}

func ehAllocations(t *testing.T) {
	connected := ehConnect(t, ehOpen(t, "conf_EH", ""), 4, 1)
	kerneltest.Listen(t, "conf_EH_L4K1", true)
	defer kerneltest.Listen(t, "conf_EH_L4K1", false)
	event := libeventheader.Event{
		ActivityID: new([16]byte), RelatedID: new([16]byte), Metadata: ehExtension(ehMetadataKind, 'e', 0),
		Payload: make([]byte, 100),
	}
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = connected.Write(&event) }))
}
