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

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/listen"
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
		fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 2703360 400 1\n", pid, comm, start))
}

func (p fakeProc) runs(pid int, exe string) {
	require.NoError(p.t, os.Symlink(exe, filepath.Join(p.dir, strconv.Itoa(pid), "exe")))
}

func (p fakeProc) knows() *processes { return newProcesses(procfs.FS(p.dir), true) }

// by is an event of a process that started at a tick; 0 if that is not known.
func by(pid, start int) *listen.Event {
	return &listen.Event{PID: pid, Process: "shop", ProcessStart: time.Duration(start) * procfs.Tick}
}

func TestProcessInstance(t *testing.T) {
	proc := newFakeProc(t)
	p := proc.knows()
	shop := p.get(by(7, 100))
	require.NotNil(t, shop)
	assert.Equal(t, "shop", shop.name)
	assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, shop.instance)
	assert.Same(t, shop, p.get(by(7, 100)))
	assert.Equal(t, shop.instance, proc.knows().get(by(7, 100)).instance, "another receiver gives it the same")
	assert.NotEqual(t, shop.instance, p.get(by(8, 100)).instance)
	assert.NotEqual(t, shop.instance, p.get(by(7, 101)).instance, "the pid came again")
	within := by(7, 100)
	within.ProcessStart++
	assert.NotEqual(t, shop.instance, p.get(within).instance, "within a tick")

	proc.boot("0b7a9dc6-1111-4222-8333-000000000002")
	assert.NotEqual(t, shop.instance, proc.knows().get(by(7, 100)).instance, "another boot")

	assert.Nil(t, p.get(by(0, 100)), "another pid namespace")
	assert.Nil(t, p.get(by(7, 0)), "it is not known who that was")
}

func TestProcessWithoutBootID(t *testing.T) {
	proc := newFakeProc(t)
	require.NoError(t, os.RemoveAll(filepath.Join(proc.dir, "sys")))
	assert.Equal(t, process{name: "shop", comm: "shop"}, *proc.knows().get(by(7, 100)))
}

// /proc says more of a process, if its pid is its own still.
func TestProcessInProc(t *testing.T) {
	proc := newFakeProc(t)
	proc.process(7, "shop", 100)
	proc.runs(7, "/usr/bin/a-name-of-more-than-15-bytes")
	proc.write("7/status", "Name:\tshop\nNSpid:\t7\t1\n")
	got := proc.knows().get(by(7, 100))
	assert.Equal(t, "a-name-of-more-than-15-bytes", got.name)
	assert.Equal(t, []int{7, 1}, got.pids)
	within := by(7, 100)
	within.ProcessStart++
	assert.Equal(t, []int{7, 1}, proc.knows().get(within).pids)

	other := proc.knows().get(by(7, 99))
	assert.Equal(t, "shop", other.name)
	assert.Empty(t, other.pids)

	proc.process(8, "comm", 1)
	proc.runs(8, "/usr/bin/\xff")
	assert.Equal(t, "\uFFFD", proc.knows().get(by(8, 1)).name)
}

// A process that runs another executable is the same one with another name.
func TestProcessThatRunsAnotherExecutable(t *testing.T) {
	proc := newFakeProc(t)
	proc.process(7, "sh", 100)
	proc.runs(7, "/bin/sh")
	proc.write("7/status", "NSpid:\t7\t1\n")
	p := proc.knows()
	named := func(comm string) *listen.Event {
		ev := by(7, 100)
		ev.Process = comm
		return ev
	}
	shell := p.get(named("sh"))
	assert.Equal(t, "sh", shell.name)
	require.NoError(t, os.Remove(filepath.Join(proc.dir, "7/exe")))
	proc.runs(7, "/usr/bin/shop-with-a-long-name")
	assert.Same(t, shell, p.get(named("")), "the name is not known")

	shop := p.get(named("shop-with-a-lon"))
	assert.Equal(t, "shop-with-a-long-name", shop.name)
	assert.Equal(t, shell.instance, shop.instance)
	assert.Equal(t, "sh", shell.name, "of what it wrote before")

	require.NoError(t, os.RemoveAll(filepath.Join(proc.dir, "7")))
	last := p.get(named("last"))
	assert.Equal(t, process{instance: shell.instance, name: "last", comm: "last", pids: []int{7, 1}}, *last)
}

// An id takes no look at /proc.
func TestProcessWithoutDetails(t *testing.T) {
	proc := newFakeProc(t)
	proc.process(7, "shop", 100)
	proc.runs(7, "/usr/bin/shop")
	got := newProcesses(procfs.FS(proc.dir), false).get(by(7, 100))
	assert.Equal(t, process{instance: proc.knows().get(by(7, 100)).instance}, *got)
}

func TestProcessesAreBounded(t *testing.T) {
	p := newFakeProc(t).knows()
	for pid := range 2 * maxProcesses {
		p.get(by(pid+1, 1))
	}
	assert.Equal(t, maxProcesses, p.known.Len())
}
