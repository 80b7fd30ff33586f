// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/doctor"
	"github.com/otel-userevents/usereventsmetric/listen"
)

func newDoctor(env func(string) string) *cobra.Command {
	var o doctor.Options
	var asJSON bool
	c := newCommand("doctor", "Find out what keeps this machine from emitting or listening",
		func(c *cobra.Command, _ []string) error {
			if err := optionErrors(listen.Options{Names: o.Names}); err != nil {
				return usage(err)
			}
			ctx, stop := untilEnd(0, nil, true)
			defer stop()
			report := doctor.Run(ctx, o)
			write := report.Text
			if asJSON {
				write = report.JSON
			}
			if err := write(c.OutOrStdout()); err != nil && !isClosedOutput(err) {
				return withStatus(exitFailed, err)
			}
			if !report.OK {
				return withStatus(exitNoAccess, nil)
			}
			return nil
		})
	fl := c.Flags()
	fl.StringArrayVar(&o.Names, "name", []string{tracepointName(env)},
		"`NAME` of a tracepoint to examine (USEREVENTS_TRACEPOINT_NAME); repeatable")
	addDataFile(fl, &o.DataFile, env)
	fl.BoolVar(&asJSON, "json", false, "write JSON")
	return c
}
