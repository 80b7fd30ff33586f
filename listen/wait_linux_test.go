// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func newEpoll(t *testing.T) *epoll {
	t.Helper()
	w, err := linux{}.newWaiter()
	require.NoError(t, err)
	return w.(*epoll)
}

func never() bool { return false }

// A wait ends for each of its reasons. One that does not end makes the test
// time out: the limit of the others is far away.
func TestEpollWait(t *testing.T) {
	e := newEpoll(t)
	defer e.close()
	require.NoError(t, e.wait(0, never))
	require.NoError(t, e.wait(time.Millisecond, never), "the time is over")

	require.NoError(t, e.wait(time.Hour, func() bool { return true }), "passed before")

	e.wake()
	e.wake()
	require.NoError(t, e.wait(time.Hour, never), "woken before")
	done := make(chan error)
	go func() { done <- e.wait(time.Hour, never) }()
	e.wake()
	require.NoError(t, <-done, "woken meanwhile")

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, e.add(int(r.Fd())))
	_, err = w.WriteString("x")
	require.NoError(t, err)
	require.NoError(t, e.wait(time.Hour, never), "readable")
	_, err = r.Read(make([]byte, 1))
	require.NoError(t, err)

	// A hang-up ends one wait, and not each one from then on.
	require.NoError(t, w.Close())
	require.NoError(t, e.wait(time.Hour, never))
	require.NoError(t, e.wait(time.Millisecond, never))
	n, err := unix.EpollWait(int(e.poll.Fd()), e.events[:], 0)
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestEpollWakeAfterClose(t *testing.T) {
	var pipe [2]int
	require.NoError(t, unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	e := newEpoll(t)
	fd := e.wakeup
	require.NoError(t, e.close())
	// Whatever has that number next must not be written to.
	require.NoError(t, unix.Dup3(pipe[1], fd, unix.O_CLOEXEC))
	defer unix.Close(fd)
	e.wake()
	_, err := unix.Read(pipe[0], make([]byte, 8))
	require.ErrorIs(t, err, unix.EAGAIN)
}

// uevent replaces the kernel's socket by one of ours, and returns the end
// to write to.
func uevent(t *testing.T, e *epoll) int {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Close(pair[1])) })
	if e.uevents >= 0 {
		require.NoError(t, unix.Close(e.uevents))
	}
	e.uevents = pair[0]
	require.NoError(t, e.add(e.uevents))
	return pair[1]
}

func TestEpollUevents(t *testing.T) {
	e := newEpoll(t)
	defer e.close()
	from := uevent(t, e)
	say := func(s string) {
		_, err := unix.Write(from, []byte(s))
		require.NoError(t, err)
	}
	require.NoError(t, e.wait(0, never))
	assert.False(t, e.cpusChanged())

	say("change@/devices/virtual/block/loop0\x00ACTION=change\x00")
	say("")
	require.NoError(t, e.wait(time.Millisecond, never), "no reason to wake, so the time is over")
	assert.False(t, e.cpusChanged())

	say("add@/devices/virtual/net/lo\x00")
	say("offline@/devices/system/cpu/cpu1\x00ACTION=offline\x00DEVPATH=/devices/system/cpu/cpu1\x00" +
		strings.Repeat("x", 2000))
	say("remove@/devices/virtual/net/lo\x00")
	require.NoError(t, e.wait(time.Hour, never), "a CPU went")
	assert.True(t, e.cpusChanged())
	assert.False(t, e.cpusChanged(), "reported once")

	say("change@/devices/virtual/block/loop0\x00")
	e.wake()
	require.NoError(t, e.wait(time.Hour, never), "woken beside it")
	assert.False(t, e.cpusChanged())
}

func TestEpollAddFails(t *testing.T) {
	e := newEpoll(t)
	defer e.close()
	require.ErrorIs(t, e.add(-1), unix.EBADF)
}
