// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeProc is a procfs that a test can change.
type fakeProc struct {
	t   *testing.T
	dir string
}

func newFakeProc(t *testing.T) fakeProc {
	p := fakeProc{t: t, dir: t.TempDir()}
	p.boot("0b7a9dc6-1111-4222-8333-000000000001")
	p.uptime(100)
	return p
}

func (p fakeProc) write(path, content string) {
	path = filepath.Join(p.dir, path)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(p.t, os.WriteFile(path, []byte(content), 0o600))
}

func (p fakeProc) boot(id string) { p.write("sys/kernel/random/boot_id", id+"\n") }

func (p fakeProc) uptime(seconds float64) { p.write("uptime", fmt.Sprintf("%.2f 1.00\n", seconds)) }

func (p fakeProc) process(pid int, comm string, start int) {
	p.write(strconv.Itoa(pid)+"/stat",
		fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 2703360 400 1\n", pid, comm, start))
}

func (p fakeProc) end(pid int) {
	require.NoError(p.t, os.RemoveAll(filepath.Join(p.dir, strconv.Itoa(pid))))
}

func TestProcessInstance(t *testing.T) {
	proc := newFakeProc(t)
	proc.process(7, "shop", 100)
	proc.process(8, "a) (b", 100)
	now := time.Unix(1000, 0)
	clock := func() time.Time { return now }
	p := newProcesses(proc.dir, clock)

	shop := p.get(7, now)
	require.NotNil(t, shop)
	assert.Equal(t, "shop", shop.name)
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, shop.instance)
	again := newProcesses(proc.dir, clock).get(7, now)
	assert.Equal(t, shop.instance, again.instance, "another receiver gives it the same")
	other := p.get(8, now)
	assert.Equal(t, "a) (b", other.name)
	assert.NotEqual(t, shop.instance, other.instance)

	proc.boot("0b7a9dc6-1111-4222-8333-000000000002")
	assert.NotEqual(t, shop.instance, newProcesses(proc.dir, clock).get(7, now).instance, "another boot")

	assert.Nil(t, p.get(0, now), "another pid namespace")
	assert.Nil(t, p.get(9, now))
	assert.Equal(t, shop, p.get(7, now.Add(time.Hour)), "the wall clock was set back since the event")
}

// A pid is that of one process, then of nobody, then of another one.
func TestProcessWhosePIDIsReused(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	for _, tt := range []struct {
		name string
		// The process "old" runs from -10 s on. It wrote an event at 0, which was read at 0.
		ends    float64 // when it ends
		polled  float64 // when that is noticed, 0 for not
		reused  float64 // when "new" starts with the same pid, 0 for not
		newEnds float64 // when that ends, 0 for not
		written float64 // an event with that pid
		read    float64
		want    string // "" for unknown
	}{
		{name: "still running", written: 5, read: 5.2, want: "old"},
		{name: "ended, but /proc was read just before", ends: 0.05, written: 0.06, read: 0.08, want: "old"},
		{name: "ended some time after /proc was read", ends: 0.05, polled: 0.2, written: 0.3, read: 0.4},
		{name: "ended after it wrote", ends: 5, written: 4.9, read: 5.2, want: "old"},
		{name: "ended long before its event is read", ends: 5, polled: 5.5, written: 4.9, read: 600, want: "old"},
		{name: "reused and ended before a read", ends: 5, polled: 5.5, reused: 6, newEnds: 7, written: 6.9, read: 7.1},
		{name: "reused, and the new one runs", ends: 5, polled: 5.5, reused: 6, written: 6.9, read: 7.1, want: "new"},
		{name: "reused without having been noticed", ends: 5, reused: 6, written: 6.1, read: 6.2, want: "new"},
		{name: "written by the old, read when the new runs", ends: 5, reused: 6, written: 4.9, read: 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proc := newFakeProc(t)
			now := at(0)
			p := newProcesses(proc.dir, func() time.Time { return now })
			state := func(seconds float64) {
				now = at(seconds)
				proc.end(7)
				proc.uptime(100 + seconds)
				switch {
				case tt.reused > 0 && seconds >= tt.reused:
					if tt.newEnds == 0 || seconds < tt.newEnds {
						proc.process(7, "new", int(100*(100+tt.reused)))
					}
				case tt.ends == 0 || seconds < tt.ends:
					proc.process(7, "old", 9000)
				}
			}
			state(0)
			old := p.get(7, at(0))
			require.NotNil(t, old)
			require.Equal(t, "old", old.name)
			if tt.polled > 0 {
				state(tt.polled)
				p.poll()
			}
			state(tt.read)
			got := p.get(7, at(tt.written))
			if tt.want == "" {
				assert.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			assert.Equal(t, tt.want, got.name)
			assert.Equal(t, tt.want == "old", got.instance == old.instance)
		})
	}
}

// What was read of a process that is newer than the event says nothing about who wrote it.
func TestProcessThatStartedLater(t *testing.T) {
	proc := newFakeProc(t)
	now := time.Unix(1000, 0)
	proc.process(7, "shop", 9900) // a second ago
	p := newProcesses(proc.dir, func() time.Time { return now })
	assert.Nil(t, p.get(7, now.Add(-2*time.Second)))
	assert.NotNil(t, p.get(7, now.Add(-time.Second)))
	proc.uptime(1) // a container's, where the start is the host's
	assert.NotNil(t, newProcesses(proc.dir, p.now).get(7, now.Add(-2*time.Second)))
}

func TestProcessWithoutBootID(t *testing.T) {
	proc := newFakeProc(t)
	proc.process(7, "shop", 100)
	require.NoError(t, os.RemoveAll(filepath.Join(proc.dir, "sys")))
	got := newProcesses(proc.dir, time.Now).get(7, time.Now())
	require.NotNil(t, got)
	assert.Equal(t, process{name: "shop"}, *got)
}

func TestProcessName(t *testing.T) {
	proc := newFakeProc(t)
	for pid, tt := range map[int]struct{ exe, want string }{
		1: {"/usr/bin/a-name-of-more-than-15-bytes", "a-name-of-more-than-15-bytes"},
		2: {"/usr/bin/replaced (deleted)", "replaced"},
		3: {"/usr/bin/\xff", "\uFFFD"},
		4: {"/", "comm"},
	} {
		proc.process(pid, "comm", 1)
		require.NoError(t, os.Symlink(tt.exe, filepath.Join(proc.dir, strconv.Itoa(pid), "exe")))
		assert.Equal(t, tt.want, newProcesses(proc.dir, time.Now).get(pid, time.Now()).name)
	}
}

func TestProcessesAreBounded(t *testing.T) {
	proc := newFakeProc(t)
	now := time.Unix(1000, 0)
	p := newProcesses(proc.dir, func() time.Time { return now })
	for pid := 1; pid <= maxProcesses; pid++ {
		p.known[pid] = &knownProcess{seen: now, ended: pid != 3}
	}
	proc.process(maxProcesses+1, "one more", 1)
	proc.process(maxProcesses+2, "another", 1)

	require.NotNil(t, p.get(maxProcesses+1, now))
	assert.Len(t, p.known, 2, "those that have ended are forgotten")

	for pid := range maxProcesses {
		p.known[pid+1] = &knownProcess{seen: now}
	}
	require.NotNil(t, p.get(maxProcesses+2, now))
	assert.LessOrEqual(t, len(p.known), maxProcesses)
}

func TestUUID5(t *testing.T) {
	// RFC 9562, A.4.
	dns := [16]byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	assert.Equal(t, "2ed6657d-e927-568b-95e1-2665a8aea6a2", uuid5(dns, "www.example.com"))
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (systemd) S 0 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 33 2703360 400 1"))
	f.Add([]byte("1 )("))
	f.Fuzz(func(t *testing.T, stat []byte) {
		comm, start, ok := parseStat(stat)
		if !ok {
			return
		}
		require.LessOrEqual(t, len(comm)+len(start), len(stat))
		_, err := strconv.ParseUint(start, 10, 64)
		require.NoError(t, err)
	})
}
