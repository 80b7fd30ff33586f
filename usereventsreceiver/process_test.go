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
	return p
}

func (p fakeProc) write(path, content string) {
	path = filepath.Join(p.dir, path)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(p.t, os.WriteFile(path, []byte(content), 0o600))
}

func (p fakeProc) boot(id string) { p.write("sys/kernel/random/boot_id", id+"\n") }

func (p fakeProc) process(pid int, comm string, start int) {
	p.write(strconv.Itoa(pid)+"/stat",
		fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 2703360 400 18446744073709551615\n", pid, comm, start))
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

	shop := p.get(7)
	require.NotNil(t, shop)
	assert.Equal(t, "shop", shop.name)
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, shop.instance)
	assert.Equal(t, shop.instance, newProcesses(proc.dir, clock).get(7).instance, "another receiver gives it the same")
	other := p.get(8)
	assert.Equal(t, "a) (b", other.name)
	assert.NotEqual(t, shop.instance, other.instance)

	now = now.Add(lookAgain)
	assert.Equal(t, shop, p.get(7), "nothing has changed")

	proc.end(7)
	now = now.Add(lookAgain)
	assert.Equal(t, shop, p.get(7), "its last events may come after its end")
	assert.Nil(t, newProcesses(proc.dir, clock).get(7), "nothing is known of it")

	proc.process(7, "new", 200)
	now = now.Add(lookAgain)
	assert.Equal(t, "new", p.get(7).name)
	assert.NotEqual(t, shop.instance, p.get(7).instance, "the pid is another process's")

	proc.boot("0b7a9dc6-1111-4222-8333-000000000002")
	assert.NotEqual(t, p.get(7).instance, newProcesses(proc.dir, clock).get(7).instance, "another boot")

	assert.Nil(t, p.get(0), "another pid namespace")
	assert.Nil(t, p.get(9))
}

func TestProcessWithoutBootID(t *testing.T) {
	proc := newFakeProc(t)
	proc.process(7, "shop", 100)
	require.NoError(t, os.RemoveAll(filepath.Join(proc.dir, "sys")))
	got := newProcesses(proc.dir, time.Now).get(7)
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
		assert.Equal(t, tt.want, newProcesses(proc.dir, time.Now).get(pid).name)
	}
}

func TestProcessesAreBounded(t *testing.T) {
	proc := newFakeProc(t)
	now := time.Unix(1000, 0)
	p := newProcesses(proc.dir, func() time.Time { return now })
	for pid := 1; pid <= maxProcesses; pid++ {
		p.known[pid] = &knownProcess{checked: now}
	}
	proc.process(maxProcesses+1, "one more", 1)
	proc.process(maxProcesses+2, "another", 1)

	now = now.Add(2 * time.Minute)
	p.known[3].checked = now
	require.NotNil(t, p.get(maxProcesses+1))
	assert.Len(t, p.known, 2, "those of which nothing was heard for long are forgotten")

	for pid := range maxProcesses {
		p.known[pid+1] = &knownProcess{checked: now}
	}
	require.NotNil(t, p.get(maxProcesses+2))
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
