// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// ErrClosed is matched by the error of what is done with a [Provider] that was closed, or with one of its sets. It
// matches os.ErrClosed.
var ErrClosed = tracepoint.ErrClosed

// ErrLost is matched by the error of each write once it is seen that something else in the process has closed the
// provider's descriptor of user_events_data, whose number may be that of another file by now. It is looked at ahead of
// a write, unless that was done in the 10 ms before. Close the provider and make another one.
var ErrLost = tracepoint.ErrLost

// checkEvery is how often the descriptor is looked at, at most: it takes a system call.
const checkEvery = 10 * time.Millisecond

// Provider is a named source of events. Its methods may be called concurrently.
type Provider struct {
	name    string
	options string

	lost    atomic.Bool
	checked atomic.Int64 // when the descriptor was looked at, in nanoseconds since started

	mu     sync.Mutex
	opened *tracepoint.Provider // nil once closed
	sets   map[setKey]*EventSet
}

var started = time.Now()

// setKey is what the sets of a provider differ in.
type setKey struct {
	level   Level
	keyword uint64
}

// NewProvider makes a provider. name is a letter or _, then letters, digits and _, of at most 234 bytes together with
// the letter G and the group, if there is one: it is part of the name of each tracepoint.
//
// The error says why user_events_data cannot be opened, with a hint; it matches the errno, or errors.ErrUnsupported
// elsewhere than on Linux. A program that is to run all the same may go on without a provider: a nil *Provider has nil
// sets, and a nil *EventSet is never enabled.
func NewProvider(name string, options ...Option) (*Provider, error) {
	var c config
	for _, option := range options {
		c = option.apply(c)
	}
	if c.nilFile {
		return nil, fmt.Errorf("eventheader: provider %.100q: WithUserEventsFile: no file", name)
	}
	p := &Provider{name: name, sets: make(map[setKey]*EventSet)}
	p.checked.Store(-int64(checkEvery))
	if c.group != "" {
		p.options = "G" + c.group
		if !validOptions(p.options) || hasUpper(c.group) {
			return nil, fmt.Errorf("eventheader: group %.100q: must be [0-9a-z]*", c.group)
		}
	}
	if err := tracepoint.CheckNameUpTo(name, MaxTracepointName-maxSuffix-len(p.options)); err != nil {
		return nil, fmt.Errorf("eventheader: provider %.100q: name %w", name, err)
	}
	var err error
	if p.opened, err = tracepoint.Open(c.source); err != nil {
		return nil, fmt.Errorf("eventheader: provider %q: %w", name, err)
	}
	return p, nil
}

func hasUpper(s string) bool {
	for _, c := range s {
		if 'A' <= c && c <= 'Z' {
			return true
		}
	}
	return false
}

// Name returns the name that the provider was made with; that of a nil one is empty.
func (p *Provider) Name() string {
	if p == nil {
		return ""
	}
	return p.name
}

// EventSet returns the set of the provider's events that have a level, 1 to 255, and a keyword: a bit for each of the
// categories that the provider has. Its tracepoint is registered once; a second call returns the same set.
//
// The error matches the errno where the kernel refuses the tracepoint, and [ErrClosed] after Close.
func (p *Provider) EventSet(level Level, keyword uint64) (*EventSet, error) {
	if p == nil {
		return nil, nil
	}
	if level == 0 {
		return nil, fmt.Errorf("eventheader: provider %q: level 0: must be 1 to 255", p.name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened == nil {
		return nil, fmt.Errorf("eventheader: provider %q: %w", p.name, ErrClosed)
	}
	key := setKey{level, keyword}
	if set := p.sets[key]; set != nil {
		return set, nil
	}
	name := Name{Provider: p.name, Level: level, Keyword: keyword, Options: p.options}
	registered, err := p.opened.Register(name.String() + " " + Fields)
	if err != nil {
		return nil, fmt.Errorf("eventheader: %w", err)
	}
	set := &EventSet{name: name, tracepoint: registered, provider: p}
	p.sets[key] = set
	return set, nil
}

// Close waits for running writes and unregisters the tracepoints of all sets, which then write nothing: the error of a
// write matches [ErrClosed]. A second Close does nothing. An error says that the kernel refused to unregister, or it
// matches [ErrLost]; the provider is closed all the same.
func (p *Provider) Close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened == nil {
		return nil
	}
	err := p.opened.Close()
	p.opened = nil
	if err != nil {
		return fmt.Errorf("eventheader: provider %q: %w", p.name, err)
	}
	return nil
}

// check returns an error where the descriptor is lost, as far as that is known.
func (p *Provider) check(t *tracepoint.Tracepoint) error {
	now := int64(time.Since(started))
	switch {
	case p.lost.Load():
		return ErrLost
	case now-p.checked.Load() < int64(checkEvery):
		return nil
	}
	p.checked.Store(now)
	return p.noted(t.Check())
}

// noted remembers that the descriptor is lost, where err says so.
func (p *Provider) noted(err error) error {
	if err != nil && errors.Is(err, ErrLost) {
		p.lost.Store(true)
	}
	return err
}
