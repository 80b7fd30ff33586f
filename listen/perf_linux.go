// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// perfRing is a ring that is owned by an event which never fires
// (PERF_COUNT_SW_DUMMY). Tracepoints are opened with their output directed to
// it. So all rings are there before the first tracepoint is attached, which
// matters: the kernel enables the tracepoint at the first attach, and what
// they write on a CPU without a ring is lost and counted nowhere. It also lets
// several tracepoints share a ring, and a ring outlive a tracepoint.
type perfRing struct {
	cpu     int
	dummy   int // file descriptor
	mapping []byte
	page    *unix.PerfEventMmapPage
	area    []byte
}

// attr has what the events of one ring must have in common.
func attr() unix.PerfEventAttr {
	return unix.PerfEventAttr{
		Size:        uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Sample:      1, // period: every event
		Sample_type: unix.PERF_SAMPLE_TID | unix.PERF_SAMPLE_TIME | unix.PERF_SAMPLE_CPU | unix.PERF_SAMPLE_RAW,
		// perf's own clock differs from CPU to CPU.
		Bits:    unix.PerfBitUseClockID,
		Clockid: unix.CLOCK_MONOTONIC,
		// PERF_FORMAT_LOST is from 6.0; user_events are from 6.4.
		Read_format: unix.PERF_FORMAT_LOST,
	}
}

func (linux) newRing(cpu, size, watermark int) (kernelRing, error) {
	a := attr()
	a.Wakeup = uint32(watermark)
	a.Read_format = unix.PERF_FORMAT_TOTAL_TIME_ENABLED
	r, err := mapRing(a, cpu, size)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// mapRing opens an event which never fires, and maps its ring.
func mapRing(a unix.PerfEventAttr, cpu, size int) (_ *perfRing, err error) {
	a.Type = unix.PERF_TYPE_SOFTWARE
	a.Config = unix.PERF_COUNT_SW_DUMMY
	a.Bits |= unix.PerfBitWatermark
	fd, err := unix.PerfEventOpen(&a, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return nil, tracefs.Explain(tracefs.OpPerfOpen, onCPU(cpu), err)
	}
	r := &perfRing{cpu: cpu, dummy: fd}
	defer func() {
		if err != nil {
			_ = r.close()
		}
	}()
	r.mapping, err = unix.Mmap(fd, 0, os.Getpagesize()+size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, tracefs.Explain(tracefs.OpMmap, fmt.Sprintf("ring of %d KiB %s", size>>10, onCPU(cpu)), err)
	}
	r.page = (*unix.PerfEventMmapPage)(unsafe.Pointer(&r.mapping[0]))
	if r.area, err = dataArea(r.mapping, r.page.Data_offset, r.page.Data_size); err != nil {
		return nil, fmt.Errorf("listen: ring %s: %w", onCPU(cpu), err)
	}
	return r, nil
}

// dataArea is where the records are in a mapping, as its first page says.
func dataArea(mapping []byte, offset, length uint64) ([]byte, error) {
	size := uint64(len(mapping))
	if offset > size || length > size-offset || length == 0 || length&(length-1) != 0 {
		return nil, fmt.Errorf("data of %d bytes at %d in a mapping of %d", length, offset, size)
	}
	return mapping[offset : offset+length : offset+length], nil
}

func onCPU(cpu int) string { return fmt.Sprintf("on CPU %d", cpu) }

func (r *perfRing) loadHead() uint64      { return atomic.LoadUint64(&r.page.Data_head) }
func (r *perfRing) storeTail(tail uint64) { atomic.StoreUint64(&r.page.Data_tail, tail) }
func (r *perfRing) data() []byte          { return r.area }
func (r *perfRing) fd() int               { return r.dummy }

func (r *perfRing) alive() (ns int64, ok bool) {
	_, enabled, ok := readPair(r.dummy)
	return int64(enabled), ok
}

func (r *perfRing) close() error {
	var unmapErr error
	if r.mapping != nil {
		unmapErr = os.NewSyscallError("munmap", unix.Munmap(r.mapping))
		r.mapping, r.page, r.area = nil, nil, nil
	}
	return errors.Join(unmapErr, os.NewSyscallError("close", unix.Close(r.dummy)))
}

func (r *perfRing) attach(eventID int) (counter, error) {
	a := attr()
	a.Type = unix.PERF_TYPE_TRACEPOINT
	a.Config = uint64(eventID)
	// Not exclude_kernel: it is the kernel that fires the tracepoint.
	fd, err := unix.PerfEventOpen(&a, -1, r.cpu, r.dummy,
		unix.PERF_FLAG_FD_CLOEXEC|unix.PERF_FLAG_FD_OUTPUT|unix.PERF_FLAG_FD_NO_GROUP)
	if err != nil {
		return nil, tracefs.Explain(tracefs.OpPerfOpen, fmt.Sprintf("of event id %d %s", eventID, onCPU(r.cpu)), err)
	}
	return &perfCounter{fd}, nil
}

type perfCounter struct{ fd int }

func (c *perfCounter) read() (written, lost uint64, ok bool) { return readPair(c.fd) }

func (c *perfCounter) stop() {
	// It fails for no event that is open.
	_ = unix.IoctlSetInt(c.fd, unix.PERF_EVENT_IOC_DISABLE, 0)
}

// readPair reads an event's count and the one number that its read_format has.
func readPair(fd int) (count, number uint64, ok bool) {
	var b [16]byte
	// Raw: see epoll.
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b)), uintptr(len(b)))
	if errno != 0 || int(n) < len(b) {
		return 0, 0, false
	}
	return binary.NativeEndian.Uint64(b[0:]), binary.NativeEndian.Uint64(b[8:]), true
}

func (c *perfCounter) close() error { return os.NewSyscallError("close", unix.Close(c.fd)) }

// perfProcessRing is a ring of records about processes. What writes them is the
// dummy event itself.
type perfProcessRing struct{ *perfRing }

func (linux) newProcessRing(cpu, size int) (processMemory, error) {
	a := attr()
	a.Sample_type = unix.PERF_SAMPLE_TID | unix.PERF_SAMPLE_TIME | unix.PERF_SAMPLE_CPU
	a.Bits |= unix.PerfBitTask | unix.PerfBitComm | unix.PerfBitSampleIDAll
	a.Wakeup = uint32(size) // and nobody is woken
	r, err := mapRing(a, cpu, size)
	if err != nil {
		return nil, err
	}
	return perfProcessRing{r}, nil
}

func (r perfProcessRing) lost() uint64 {
	_, lost, _ := readPair(r.dummy)
	return lost
}
