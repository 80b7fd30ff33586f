// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package peers_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// batch is how many events are written before they are read. All of them fit into a ring.
const batch = 500

// read reads the next events of a listener.
func read(t *testing.T, listener *listen.Listener, n int) (all []recorded) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var event listen.Event
	for range n {
		require.NoError(t, listener.Read(ctx, &event))
		require.NoError(t, event.Err)
		all = append(all, recorded{event.Tracepoint, bytes.Clone(event.Payload)})
	}
	return all
}

// Ours writes through the kernel, tracepoint_decode reads as ours does.
func TestKernelWriteForRust(t *testing.T) {
	const name = "peers_go"
	listener := kerneltest.Attach(t, listen.Options{Events: names(name)})
	provider, err := eventheader.NewProvider(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, provider.Close()) }()

	g := generator{eventtest.NewGenerator(1), name}
	compared := newComparison()
	var builder eventheader.Builder
	for first := 0; first < events; first += batch {
		written := make([]eventtest.Event, batch)
		for i := range written {
			e := g.event()
			// Theirs misreads the second element of such an array.
			countInPayload(e.Fields, false)
			e.Build(&builder)
			set, err := provider.EventSet(e.Tracepoint.Level, keyword)
			require.NoError(t, err)
			require.True(t, set.Enabled())
			require.NoError(t, set.Write(&builder))
			written[i] = e
		}
		received := read(t, listener, batch)
		for i, theirs := range decode(t, received) {
			requireSame(t, first+i, &written[i], received[i])
			compared.compare(t, first+i, received[i].dump(), theirs)
		}
	}
	g.checkKinds(t)
	compared.check(t)
}

// requireSame requires that what was received is e, byte for byte.
func requireSame(t *testing.T, number int, e *eventtest.Event, received recorded) {
	t.Helper()
	require.Equal(t, e.Tracepoint.String(), received.tracepoint)
	expected := eventtest.Native.Encode(e)
	require.GreaterOrEqual(t, len(received.data), len(expected))
	require.Equal(t, expected, received.data[:len(expected)], "event %d", number)
}

// eventheader_dynamic writes through the kernel, ours reads.
func TestKernelReadFromRust(t *testing.T) {
	const name = "peers_rust"
	listener := kerneltest.Attach(t, listen.Options{Events: names(name)})
	peer := startWriter(t, name)
	g := generator{eventtest.NewGenerator(2), name}
	for first := 0; first < events; first += batch {
		var calls script
		written := make([]eventtest.Event, batch)
		for i := range written {
			written[i] = g.event()
			countInPayload(written[i].Fields, true)
			calls.write(&written[i])
		}
		peer.run(t, &calls)
		for i, received := range read(t, listener, batch) {
			requireSame(t, first+i, &written[i], received)
			eventtest.Check(t, received.data, eventtest.Native, &written[i])
			require.False(t, t.Failed(), "event %d: %+v", first+i, written[i])
		}
	}
	g.checkKinds(t)
}

// writer is the peer that writes.
type writer struct {
	calls   *os.File
	answers *bufio.Reader
}

func startWriter(t *testing.T, provider string) *writer {
	t.Helper()
	command := exec.Command(program(t), "write", provider)
	command.Stderr = t.Output()
	input, err := command.StdinPipe()
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		assert.NoError(t, input.Close())
		assert.NoError(t, command.Wait())
	})
	w := &writer{input.(*os.File), bufio.NewReader(output)}
	var calls script
	for level := range levels {
		calls.call("register", 1+level)
	}
	w.run(t, &calls)
	return w
}

// run makes the peer do the calls, and waits for it.
func (w *writer) run(t *testing.T, calls *script) {
	t.Helper()
	calls.call("sync")
	_, err := w.calls.WriteString(calls.String())
	require.NoError(t, err)
	answer, err := w.answers.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ok\n", answer)
}
