// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"os"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// Option configures a [Provider].
type Option interface {
	apply(config) config
}

type optionFunc func(config) config

func (f optionFunc) apply(c config) config { return f(c) }

type config struct {
	group   string
	source  tracepoint.Source
	nilFile bool // given as an option
}

// WithGroup makes the provider one of a group, by which tools find all providers of a kind: digits and lower-case
// letters.
func WithGroup(group string) Option {
	return optionFunc(func(c config) config {
		c.group = group
		return c
	})
}

// WithUserEventsPath says where user_events_data is, for a process that sees it elsewhere than in a mounted tracefs.
// The default, "", is wherever tracefs is mounted.
func WithUserEventsPath(path string) Option {
	return optionFunc(func(c config) config {
		c.source.Path = path
		return c
	})
}

// WithUserEventsFile gives the provider an open user_events_data, for a process that may not open it. It must be open
// for writing. NewProvider duplicates it, and the caller may close theirs. It takes precedence over WithUserEventsPath.
func WithUserEventsFile(file *os.File) Option {
	return optionFunc(func(c config) config {
		c.source.File, c.nilFile = file, file == nil
		return c
	})
}
