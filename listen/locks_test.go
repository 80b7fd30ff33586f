// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// stuckSystem does not return from one of its calls while it is stuck.
type stuckSystem struct {
	*fakeSystem
	stuckIn string
	reached chan struct{} // that call
	release chan struct{}
}

func (s *stuckSystem) call(name string) {
	if name == s.stuckIn {
		select {
		case <-s.release:
		case s.reached <- struct{}{}:
			<-s.release
		}
	}
}

func (s *stuckSystem) onlineCPUs() ([]int, error) {
	s.call("onlineCPUs")
	return s.fakeSystem.onlineCPUs()
}

func (s *stuckSystem) eventNames(l tracefs.Location, system string) ([]string, error) {
	s.call("eventNames")
	return s.fakeSystem.eventNames(l, system)
}

func (s *stuckSystem) eventFormat(l tracefs.Location, system, name string) (*tracefs.Format, error) {
	s.call("eventFormat")
	return s.fakeSystem.eventFormat(l, system, name)
}

func (s *stuckSystem) newRing(cpu, size, watermark int) (kernelRing, error) {
	s.call("newRing")
	r, err := s.fakeSystem.newRing(cpu, size, watermark)
	if err != nil {
		return nil, err
	}
	return stuckRing{r, s}, nil
}

func (s *stuckSystem) waitForWriters() { s.call("waitForWriters") }

func (s *stuckSystem) newProcessRing(cpu, size int) (processMemory, error) {
	s.call("newProcessRing")
	return s.fakeSystem.newProcessRing(cpu, size)
}

func (s *stuckSystem) process(pid int) (procfs.Process, error) {
	s.call("process")
	return s.fakeSystem.process(pid)
}

type stuckRing struct {
	kernelRing
	sys *stuckSystem
}

func (r stuckRing) attach(id int) (counter, error) {
	r.sys.call("attach")
	return r.kernelRing.attach(id)
}

// Whatever the listener opens, lists or reads may take long: Stats and Info do
// not wait for it.
func TestStatsAndInfoWaitForNoFile(t *testing.T) {
	for _, call := range []string{
		"onlineCPUs", "eventNames", "eventFormat", "newRing", "newProcessRing", "attach", "process",
		"waitForWriters",
	} {
		t.Run(call, func(t *testing.T) {
			sys := &stuckSystem{fakeSystem: newFakeSystem(0), reached: make(chan struct{}),
				release: make(chan struct{})}
			o, err := Options{Processes: true}.withDefaults()
			assert.NoError(t, err)
			l, err := open(sys, o)
			assert.NoError(t, err)
			// A CPU and a tracepoint come, and an event is written.
			sys.bringOnline(1)
			sys.addMulti(layouttest.ParsedOTLP("otlp_metrics.0", 600))
			sys.write(0, 7, rawOTLP(447, "x"))
			sys.pass(time.Second)
			sys.stuckIn = call
			done := make(chan struct{})
			go func() {
				defer close(done)
				assert.NoError(t, l.Read(context.Background(), &Event{}))
				for range l.Drain(context.Background()) {
				}
			}()
			<-sys.reached
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				l.Stats()
				l.Info()
			}()
			select {
			case <-answered:
			case <-time.After(waitLimit):
				t.Error("Stats or Info waits")
			}
			close(sys.release)
			<-done
			assert.NoError(t, l.Close())
		})
	}
}
