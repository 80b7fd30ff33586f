// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// memRing is a ring that a test writes as the kernel does: a record that does
// not fit is lost, and the next one that fits has a LOST record before it.
type memRing struct {
	area    []byte
	head    atomic.Uint64
	tail    atomic.Uint64
	pending uint64 // lost, not yet in a LOST record

	onLoadHead func()
}

func newMemRing(size int) *memRing { return &memRing{area: make([]byte, size)} }

func (m *memRing) loadHead() uint64 {
	if m.onLoadHead != nil {
		m.onLoadHead()
	}
	return m.head.Load()
}
func (m *memRing) storeTail(tail uint64) { m.tail.Store(tail) }
func (m *memRing) data() []byte          { return m.area }

// put copies bytes to the head and publishes them.
func (m *memRing) put(b []byte) {
	head := m.head.Load()
	n := copy(m.area[head&uint64(len(m.area)-1):], b)
	copy(m.area, b[n:])
	m.head.Store(head + uint64(len(b)))
}

// write reports whether the record found room.
func (m *memRing) write(rec []byte) bool {
	var lost []byte
	if m.pending > 0 {
		lost = lostRecord(m.pending)
	}
	free := uint64(len(m.area)) - (m.head.Load() - m.tail.Load()) - 1
	if uint64(len(lost)+len(rec)) > free {
		m.pending++
		return false
	}
	m.pending = 0
	m.put(append(lost, rec...))
	return true
}

func makeRecord(kind uint32, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, kind)
	b = binary.NativeEndian.AppendUint16(b, 0)
	b = binary.NativeEndian.AppendUint16(b, uint16(perfrecord.HeaderSize+len(body)))
	return append(b, body...)
}

func lostRecord(n uint64) []byte {
	return makeRecord(perfrecord.Lost, binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, 77), n))
}

// sampleRecord pads raw as the kernel does.
func sampleRecord(pid, tid int, at int64, cpu int, raw []byte) []byte {
	e := binary.NativeEndian
	b := e.AppendUint32(nil, uint32(pid))
	b = e.AppendUint32(b, uint32(tid))
	b = e.AppendUint64(b, uint64(at))
	b = e.AppendUint32(b, uint32(cpu))
	b = e.AppendUint32(b, 0)
	for (len(raw)+4)%8 != 0 {
		raw = append(raw[:len(raw):len(raw)], 0)
	}
	b = e.AppendUint32(b, uint32(len(raw)))
	return makeRecord(perfrecord.Sample, append(b, raw...))
}

// rawCommon is the header of raw data: common_type, flags, preempt count, pid.
func rawCommon(id int) []byte { return layouttest.Common(binary.NativeEndian, id) }

func rawOTLP(id int, payload string) []byte {
	return layouttest.OTLP(binary.NativeEndian, id, []byte(payload))
}

func rawFieldless(id int, payload string) []byte {
	return layouttest.Fieldless(binary.NativeEndian, id, []byte(payload))
}

var order = binary.NativeEndian

// rawEvent is an EventHeader event with one field.
func rawEvent(id int, level eventheader.Level, name, value string) []byte {
	return append(rawCommon(id), layouttest.EventHeaderWrite(order, level, name, value)...)
}

// fakeSystem is a machine with user_events, in memory.
type fakeSystem struct {
	mu      sync.Mutex
	clock   int64
	slept   atomic.Int64 // how long the machine was suspended
	cpus    []int
	online  []int // as of the second scan; nil: as the first
	scans   int
	multi   []string // what is below events/user_events_multi
	loc     tracefs.Location
	formats map[string]*tracefs.Format // of tracepoints that exist
	nextID  int
	fail    map[string]error // what to fail at: see at
	maxRing int              // ring size above which mmap fails; 0: none
	// The same for rings of records about processes.
	maxProcessRing int
	open           int // resources that are open
	rings          map[int]*fakeRing
	waiters        []*fakeWaiter
	names          map[int]string
	starts         map[int]time.Duration // of processes that have a name; else 0
	lookups        []int                 // pids of process
	records        map[int]*fakeProcessRing
	steps          []string
}

func newFakeSystem(cpus ...int) *fakeSystem {
	return &fakeSystem{
		clock: 1_000_000, cpus: cpus, loc: tracefs.Location{Dir: "/t", DataFile: "/t/user_events_data"},
		formats: map[string]*tracefs.Format{}, nextID: 447, rings: map[int]*fakeRing{}, names: map[int]string{},
		starts: map[int]time.Duration{}, records: map[int]*fakeProcessRing{},
	}
}

// at notes a step, and fails it if the test says so.
func (f *fakeSystem) at(format string, args ...any) error {
	step := fmt.Sprintf(format, args...)
	f.steps = append(f.steps, step)
	return f.fail[step]
}

func (f *fakeSystem) lock() func() { f.mu.Lock(); return f.mu.Unlock }

func (f *fakeSystem) onlineCPUs() ([]int, error) {
	defer f.lock()()
	f.scans++
	if err := f.at("online"); err != nil {
		return nil, err
	}
	if f.scans > 1 && f.online != nil {
		return f.online, nil
	}
	return slices.Clone(f.cpus), nil
}

func (f *fakeSystem) openTracefs(string) (eventFile, tracefs.Location, error) {
	defer f.lock()()
	if err := f.at("tracefs"); err != nil {
		return nil, f.loc, err
	}
	f.open++
	return fakeFile{f}, f.loc, nil
}

// systemFiles are what is beside the tracepoints of a system.
var systemFiles = []string{"enable", "filter"}

func (f *fakeSystem) eventFormat(_ tracefs.Location, system, name string) (*tracefs.Format, error) {
	defer f.lock()()
	if err := f.at("format"); err != nil {
		return nil, err
	}
	if slices.Contains(systemFiles, name) {
		return nil, tracefs.Explain(tracefs.OpRead, name, syscall.ENOTDIR)
	}
	fm := f.formats[system+"/"+name]
	if fm == nil {
		return nil, tracefs.Explain(tracefs.OpRead, name, fs.ErrNotExist)
	}
	return fm, nil
}

func (f *fakeSystem) newRing(cpu, size, _ int) (kernelRing, error) {
	defer f.lock()()
	if err := f.at("ring %d", cpu); err != nil {
		return nil, err
	}
	if f.maxRing > 0 && size > f.maxRing {
		return nil, tracefs.Explain(tracefs.OpMmap, "ring", syscall.EPERM)
	}
	if !slices.Contains(f.cpus, cpu) {
		return nil, tracefs.Explain(tracefs.OpPerfOpen, onThatCPU(cpu), syscall.ENODEV)
	}
	f.open++
	r := &fakeRing{memRing: newMemRing(size), sys: f, cpu: cpu, born: f.clock, counters: map[int]*fakeCounter{}}
	f.rings[cpu] = r
	return r, nil
}

func onThatCPU(cpu int) string { return fmt.Sprintf("on CPU %d", cpu) }

// offline takes a CPU away, which ends its ring's life; online brings it back.
func (f *fakeSystem) offline(cpu int) {
	defer f.lock()()
	f.cpus = slices.DeleteFunc(slices.Clone(f.cpus), func(c int) bool { return c == cpu })
	if r := f.rings[cpu]; r != nil && r.died == 0 {
		r.died = f.clock
	}
}

func (f *fakeSystem) bringOnline(cpu int) {
	defer f.lock()()
	f.cpus = append(slices.Clone(f.cpus), cpu)
	slices.Sort(f.cpus)
}

// add makes a tracepoint exist that another process registered.
func (f *fakeSystem) add(system string, format *tracefs.Format) {
	defer f.lock()()
	f.formats[system+"/"+format.Name] = format
}

// addMulti makes one of several formats of a name.
func (f *fakeSystem) addMulti(format *tracefs.Format) {
	f.multi = append(f.multi, format.Name)
	f.formats[tracefs.SystemMulti+"/"+format.Name] = format
}

func (f *fakeSystem) eventNames(_ tracefs.Location, system string) ([]string, error) {
	defer f.lock()()
	// Not a step: it is listed in every test, and few are about it.
	if err := f.fail["names"]; err != nil {
		return nil, err
	}
	if system == tracefs.SystemMulti {
		if f.multi == nil {
			return nil, nil
		}
		return append(slices.Clone(systemFiles), f.multi...), nil
	}
	names := slices.Clone(systemFiles)
	for path := range f.formats {
		if name, ok := strings.CutPrefix(path, system+"/"); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

func (f *fakeSystem) newWaiter() (waiter, error) {
	defer f.lock()()
	if err := f.at("waiter"); err != nil {
		return nil, err
	}
	f.open++
	w := &fakeWaiter{sys: f, signal: make(chan struct{}, 1)}
	f.waiters = append(f.waiters, w)
	return w, nil
}

func (f *fakeSystem) waitForWriters() {}

func (f *fakeSystem) monotonic() int64 {
	defer f.lock()()
	f.clock++
	return f.clock
}

// pass lets time pass.
func (f *fakeSystem) pass(d time.Duration) {
	defer f.lock()()
	f.clock += int64(d)
}

func (f *fakeSystem) process(pid int) (procfs.Process, error) {
	defer f.lock()()
	f.lookups = append(f.lookups, pid)
	name, ok := f.names[pid]
	if !ok {
		return procfs.Process{}, fs.ErrNotExist
	}
	return procfs.Process{Name: name, Start: f.starts[pid]}, nil
}

func (f *fakeSystem) suspended() int64 { return f.slept.Load() }

func (f *fakeSystem) newProcessRing(cpu, size int) (processMemory, error) {
	defer f.lock()()
	if err := f.at("process ring %d", cpu); err != nil {
		return nil, err
	}
	if f.maxProcessRing > 0 && size > f.maxProcessRing {
		return nil, tracefs.Explain(tracefs.OpMmap, "ring", syscall.EPERM)
	}
	f.open++
	r := &fakeProcessRing{memRing: newMemRing(size), sys: f}
	f.records[cpu] = r
	return r, nil
}

// write writes raw to a CPU as a process would, and wakes the listener.
func (f *fakeSystem) write(cpu, pid int, raw []byte) {
	f.writeAt(f.monotonic(), cpu, pid, raw)
}

func (f *fakeSystem) writeAt(at int64, cpu, pid int, raw []byte) {
	r := f.rings[cpu]
	if r.died != 0 {
		return // lost, and nobody counts it
	}
	f.mu.Lock()
	c := r.counters[int(binary.NativeEndian.Uint16(raw))]
	f.mu.Unlock()
	r.written.Add(1)
	c.written.Add(1)
	if !r.write(sampleRecord(pid, pid+1, at, cpu, raw)) {
		c.lost.Add(1)
	}
	f.wake()
}

func (f *fakeSystem) wake() {
	for _, w := range f.waiters {
		w.wake()
	}
}

type fakeFile struct{ sys *fakeSystem }

func (e fakeFile) register(nameArgs string) (func() error, error) {
	f := e.sys
	defer f.lock()()
	if err := f.at("register"); err != nil {
		return nil, err
	}
	name, fields := nameArgs, ""
	for i := range nameArgs {
		if nameArgs[i] == ' ' {
			name, fields = nameArgs[:i], nameArgs[i+1:]
			break
		}
	}
	key := tracefs.System + "/" + name
	want := layouttest.ParsedFieldless(name, f.nextID)
	switch fields {
	case tracefs.FieldsOTLP:
		want = layouttest.ParsedOTLP(name, f.nextID)
	case eventheader.Fields:
		want = layouttest.ParsedEventHeader(name, f.nextID)
	}
	if have := f.formats[key]; have == nil {
		f.formats[key] = want
		f.nextID++
	} else if len(have.Fields) != len(want.Fields) {
		return nil, tracefs.Explain(tracefs.OpRegister, name, syscall.EADDRINUSE)
	}
	f.open++
	return func() error { return f.closeOne("registration") }, nil
}

func (e fakeFile) close() error { return e.sys.closeOne("file") }

func (f *fakeSystem) closeOne(what string) error {
	defer f.lock()()
	f.open--
	return f.at("close %s", what)
}

type fakeRing struct {
	*memRing
	sys      *fakeSystem
	cpu      int
	counters map[int]*fakeCounter // by the tracepoint
	written  atomic.Uint64
	born     int64
	died     int64 // when its CPU went offline, or 0
	broken   bool  // it cannot say whether it is alive
}

func (r *fakeRing) alive() (int64, bool) {
	defer r.sys.lock()()
	r.sys.clock++
	if r.died != 0 {
		return r.died - r.born, !r.broken
	}
	return r.sys.clock - r.born, !r.broken
}

func (r *fakeRing) fd() int { return 100 + r.cpu }
func (r *fakeRing) attach(id int) (counter, error) {
	defer r.sys.lock()()
	if err := r.sys.at("attach %d", r.cpu); err != nil {
		return nil, err
	}
	r.sys.at("attach %d to %d", id, r.cpu)
	r.sys.open++
	c := &fakeCounter{sys: r.sys}
	r.counters[id] = c
	return c, nil
}
func (r *fakeRing) close() error { return r.sys.closeOne("ring") }

// fakeProcessRing has room for what a test writes into it.
type fakeProcessRing struct {
	*memRing
	sys      *fakeSystem
	lostOnes atomic.Uint64
	asked    atomic.Int64 // how often lost was
	// beforeTail is called once, before the tail is moved.
	beforeTail func()
}

func (r *fakeProcessRing) storeTail(tail uint64) {
	if f := r.beforeTail; f != nil {
		r.beforeTail = nil
		f()
	}
	r.memRing.storeTail(tail)
}

func (r *fakeProcessRing) lost() uint64 {
	r.asked.Add(1)
	return r.lostOnes.Load()
}

func (r *fakeProcessRing) close() error { return r.sys.closeOne("process ring") }

type fakeCounter struct {
	sys           *fakeSystem
	written, lost atomic.Uint64
	silent        atomic.Bool
}

func (c *fakeCounter) read() (uint64, uint64, bool) {
	return c.written.Load(), c.lost.Load(), !c.silent.Load()
}
func (c *fakeCounter) stop()        {}
func (c *fakeCounter) close() error { return c.sys.closeOne("counter") }

// fakeWaiter waits for a wake only: no time passes unless a test says so.
type fakeWaiter struct {
	sys     *fakeSystem
	signal  chan struct{}
	fds     []int
	waits   atomic.Int64
	changed atomic.Bool // a CPU came or went
	follows bool
	last    atomic.Int64
	onWait  func() // instead of waiting
}

func (w *fakeWaiter) followsCPUs() bool { return w.follows }

func (w *fakeWaiter) cpusChanged() bool { return w.changed.Swap(false) }

func (w *fakeWaiter) add(fd int) error {
	defer w.sys.lock()()
	if err := w.sys.at("add"); err != nil {
		return err
	}
	w.fds = append(w.fds, fd)
	return nil
}
func (w *fakeWaiter) wait(timeout time.Duration, _ func() bool) error {
	w.last.Store(int64(timeout))
	w.sys.mu.Lock()
	err := w.sys.at("wait")
	w.sys.mu.Unlock()
	if err != nil {
		return err
	}
	w.waits.Add(1)
	if w.onWait != nil {
		w.onWait()
		return nil
	}
	<-w.signal
	return nil
}
func (w *fakeWaiter) wake() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}
func (w *fakeWaiter) close() error { return w.sys.closeOne("waiter") }

// listenTo opens a listener over the fake and closes it with the test.
func (f *fakeSystem) listenTo(t testing.TB, o Options) *Listener {
	t.Helper()
	o, err := o.withDefaults()
	require.NoError(t, err)
	l, err := open(f, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		f.mu.Lock()
		defer f.mu.Unlock()
		require.Zero(t, f.open, "left open after %v", slices.Sorted(maps.Keys(f.rings)))
	})
	return l
}

const (
	waitLimit = time.Minute
	waitTick  = time.Millisecond
)
