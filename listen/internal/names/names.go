// SPDX-License-Identifier: Apache-2.0

// Package names has the rules for names of tracepoints: those that were
// registered, and those that somebody asks for.
package names

import (
	"errors"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/glob"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Registered returns the name under which an event of user_events_multi was
// registered: "otlp_metrics" for "otlp_metrics.1f".
func Registered(event string) (name string, ok bool) {
	i := strings.LastIndexByte(event, '.')
	if i <= 0 || event[i+1:] == "" || strings.Trim(event[i+1:], "0123456789abcdef") != "" {
		return "", false
	}
	return event[:i], true
}

// IsUserEvents reports whether the tracepoints of a system are registered by
// processes.
func IsUserEvents(system string) bool {
	return system == tracefs.System || system == tracefs.SystemMulti
}

// Of is what a tracepoint is called: as it was registered, or with the system in
// front if it is the kernel's.
func Of(system, event string) string {
	switch system {
	case tracefs.System:
		return event
	case tracefs.SystemMulti:
		if name, ok := Registered(event); ok {
			return name
		}
	}
	return system + ":" + event
}

// Pattern is a name of a tracepoint in which * stands for any bytes and ? for
// one.
type Pattern struct {
	System string // empty: user_events and user_events_multi
	Name   string
}

// Parse parses "name" or "system:name".
func Parse(text string) (Pattern, error) {
	p := Pattern{Name: text}
	if system, name, ok := strings.Cut(text, ":"); ok {
		if p = (Pattern{system, name}); system == "" {
			return p, errors.New("no system in front of the colon")
		}
	}
	switch {
	case p.Name == "":
		return p, errors.New("must not be empty")
	case strings.ContainsFunc(p.System+p.Name, cannotBe):
		return p, errors.New("must be the name of a tracepoint, or system:name; * and ? stand for other characters")
	}
	return p, nil
}

// cannotBe reports whether a name of a tracepoint cannot have a character.
func cannotBe(r rune) bool { return r <= ' ' || r == '/' || r == ':' || r == 0x7F }

// IsLiteral reports whether the pattern is the name of one tracepoint, in full.
func (p Pattern) IsLiteral() bool { return !glob.IsPattern(p.System) && !glob.IsPattern(p.Name) }

// OfUserEvents reports whether the pattern is for tracepoints that processes
// register, and for no others.
func (p Pattern) OfUserEvents() bool { return p.System == "" || IsUserEvents(p.System) }

// Match reports whether the pattern matches a tracepoint; one of several formats
// by its registered name too.
func (p Pattern) Match(system, event string) bool {
	if p.System == "" && !IsUserEvents(system) || p.System != "" && !glob.Match(p.System, system) {
		return false
	}
	if system == tracefs.SystemMulti {
		if registered, ok := Registered(event); ok && glob.Match(p.Name, registered) {
			return true
		}
	}
	return glob.Match(p.Name, event)
}
