// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const fieldsVariable = "USEREVENTS_TEST_FIELDS"

// nested is a message whose attribute is a list in a list and so on, as deep as
// an event can hold.
func nested() []byte {
	// AnyValue.array_value = 5, ArrayValue.values = 1, with lengths of 2 bytes.
	var b []byte
	for len(b) < 8000 {
		for _, tag := range []byte{1<<3 | 2, 5<<3 | 2} {
			b = append(binary.AppendUvarint([]byte{tag}, uint64(len(b))), b...)
		}
	}
	return b
}

// hostilePayloads are what a process may write behind the write index. The
// kernel takes some or all of it, as the fields are.
func hostilePayloads() [][]byte {
	rnd := rand.New(rand.NewPCG(11, 12))
	e := binary.NativeEndian
	random := make([]byte, 700)
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	otlp := func(version string, word uint32, rest []byte) []byte {
		b := e.AppendUint32(nil, 0)
		b = append(b, version...)
		return append(e.AppendUint32(b, word), rest...)
	}
	list := [][]byte{
		random,
		otlp("\xff\xfe\x00evil!", 4<<16, []byte("evil")),
		otlp("v0.19.00", 0xFFFF0000, []byte("claims 65535 bytes")),
		otlp("v0.19.00", 0xFFFFFFFF, []byte("claims 65535 bytes at 65535")),
		otlp("v0.19.00", uint32(len(nested()))<<16, nested()),
		make([]byte, 8168),
		e.AppendUint32(nil, 1<<32-1),
		bytes.Repeat([]byte{0xFF}, 8168),
		{},
		{1, 2, 3},
	}
	return list
}

// helpHostile writes all of these over and over: a number of events that the
// kernel needs for each line that it logs.
func helpHostile() error {
	p, err := newProducer(os.Getenv(tracepointVariable), os.Getenv(fieldsVariable))
	if err != nil {
		return err
	}
	defer p.leave()
	fmt.Println("ready")
	payloads, next := hostilePayloads(), 0
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		n, err := strconv.Atoi(orders.Text())
		if err != nil {
			return err
		}
		for n > 0 {
			err := p.write(payloads[next%len(payloads)])
			switch {
			case err == nil:
				n--
			case errors.Is(err, syscall.EBADF):
				time.Sleep(waitTick) // a name of no use is let go from time to time
				continue
			case !errors.Is(err, syscall.EFAULT) && !errors.Is(err, syscall.EINVAL):
				return err
			}
			next++
		}
		fmt.Println("done")
	}
	return orders.Err()
}

// memory is what this process has of its own in bytes, rings not included.
func memory(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var size, rss, shared int
	_, err = fmt.Sscan(string(b), &size, &rss, &shared)
	require.NoError(t, err)
	return (rss - shared) * os.Getpagesize()
}

// Whatever a process writes, its events are delivered with its pid and its name
// and counted, and those that nothing can be made of say so. 100,000 of them
// take no more memory than a few.
func TestKernelHostileProcess(t *testing.T) {
	const batch, batches = 400, 84 / slower // of three processes: 100,800
	for _, tt := range []struct {
		name, fields string
		layout       Layout
	}{
		{"the three fields", tracefs.FieldsOTLP, LayoutOTLP},
		{"no fields", tracefs.FieldsNone, LayoutFieldless},
		{"a name that was taken", "u8 whatever", LayoutOTLP},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := tracepointOf(t)
			helper := startHelper(t, "hostile", tracepointVariable+"="+name, fieldsVariable+"="+tt.fields)
			require.Equal(t, "ready", helper.line(t))
			pid := helper.cmd.Process.Pid
			comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			require.NoError(t, err)
			process := strings.TrimSpace(string(comm))
			l := listenIn(t, Options{Names: []string{name, name + "_good"}, Layout: tt.layout})
			good := produceIn(t, name+"_good", tt.layout)

			received, marks, undecodable, most := 0, 0, 0, 0
			var ev Event
			before := memory(t)
			for i := range batches {
				_, err := fmt.Fprintln(helper.in, batch)
				require.NoError(t, err)
				mark := fmt.Sprint("mark ", i)
				if tt.layout == LayoutFieldless {
					require.NoError(t, good.fieldless(mark))
				} else {
					require.NoError(t, good.otlp(mark))
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					if said, err := helper.out.ReadString('\n'); said != "done\n" {
						t.Errorf("%q instead of done: %v", said, err)
					}
				}()
				for {
					err := readInto(l, &ev, 20*time.Millisecond)
					if errors.Is(err, context.DeadlineExceeded) {
						if isClosed(done) && isDrained(l) {
							break
						}
						continue
					}
					require.NoError(t, err)
					received++
					// No assertions for each: they would take most of the time.
					switch {
					case ev.Tracepoint != name:
						marks++
						require.NoError(t, ev.Err)
						require.Equal(t, mark, string(ev.Payload))
						require.Equal(t, os.Getpid(), ev.PID)
					case ev.PID != pid || ev.Process != process:
						t.Fatalf("an event of %d %q, not of %d %q", ev.PID, ev.Process, pid, process)
					case ev.Err != nil:
						if !errors.Is(ev.Err, ErrUndecodable) || len(ev.Payload) > 0 {
							t.Fatalf("%d bytes and %v", len(ev.Payload), ev.Err)
						}
						undecodable++
					}
				}
				most = max(most, memory(t)-before)
			}
			c := l.Stats().Total()
			t.Logf("%d received, %d of them undecodable, memory grew by %d KiB", c.Received, undecodable, most>>10)
			assert.LessOrEqual(t, most, 64<<20)
			assert.Equal(t, uint64(received), c.Received)
			assert.Equal(t, c.Written, c.Received)
			assert.Equal(t, uint64(undecodable), c.Undecodable)
			assert.Equal(t, batches, marks)
			assert.Zero(t, c.Lost+c.Resyncs+c.Malformed+c.Unknown)
			switch tt.fields {
			case tracefs.FieldsOTLP: // the kernel refuses what claims too much
				assert.Equal(t, batches*(batch+1), received)
				assert.Zero(t, undecodable)
			case tracefs.FieldsNone:
				assert.Equal(t, batches*(batch+1), received)
				assert.NotZero(t, undecodable)
				assert.Less(t, undecodable, batches*batch)
			default:
				// All of it. Some is lost each time that the name, which was let
				// go, is attached again, CPU by CPU.
				assert.Equal(t, received-marks, undecodable)
				assert.Greater(t, received, batches*batch*9/10)
			}
		})
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
