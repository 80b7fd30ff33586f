// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

func newListen(open opener, env func(string) string) *cobra.Command {
	var f listenFlags
	var end endFlags
	var write format
	c := newCommand("listen", "Print metrics as services write them", func(c *cobra.Command, _ []string) error {
		if err := usage(optionErrors(f.options), end.check()); err != nil {
			return err
		}
		ctx, stop := untilEnd(end.duration, c.OutOrStdout(), true)
		defer stop()
		warn := warner(c.ErrOrStderr())
		s := &source.Session{Filter: f.filter, Count: end.count, Show: write(c.OutOrStdout()), Warn: warn}
		l, err := open.start(f.options, s, warn)
		if err != nil {
			return err
		}
		return listenUntilEnd(ctx, s, l, warn)
	})
	f.add(c, env)
	end.add(c.Flags(), shownEvents)
	addFormat(c, &write)
	return c
}
