// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

//go:embed help/listen.txt
var listenLong string

func newListen(open opener, env func(string) string) *cobra.Command {
	var f struct {
		listenFlags
		endFlags
		formatFlag
	}
	c := &cobra.Command{
		Use:   "listen",
		Short: "Print metrics as services write them",
		Long:  listenLong,
		Example: `  userevents listen
  userevents listen --comm 'shop*' --metric 'http.*' --resource service.name=shop
  userevents listen --count 1                   # wait for the first event
  userevents listen --format json >>metrics.json
  userevents listen --for 10s | awk '$5 == "queue.length" { print $7 }'`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err1 := f.options()
			filter, err2 := f.filter()
			if err := usage(err1, err2, f.endFlags.check(), f.formatFlag.check()); err != nil {
				return err
			}
			ctx, stop := untilEnd(f.duration, c.OutOrStdout(), true)
			defer stop()
			warn := warner(c.ErrOrStderr())
			s := &source.Session{Filter: filter, Count: f.count, Show: formats[f.format](c.OutOrStdout()), Warn: warn}
			l, err := open.start(o, s, warn)
			if err != nil {
				return err
			}
			return listenUntilEnd(ctx, s, l, warn)
		},
	}
	f.listenFlags.add(c, env)
	f.endFlags.add(c.Flags())
	f.formatFlag.add(c)
	return c
}
