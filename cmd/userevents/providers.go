// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/doctor"
)

func newProviders(env func(string) string) *cobra.Command {
	var o doctor.Options
	var asJSON bool
	c := newCommand("providers", "List the tracepoints that are registered, and who listens",
		func(c *cobra.Command, _ []string) error {
			all, err := doctor.List(o)
			if err != nil {
				return withStatus(exitNoAccess, err)
			}
			write := all.Text
			if asJSON {
				write = all.JSON
			}
			if err := write(c.OutOrStdout()); err != nil && !isClosedOutput(err) {
				return withStatus(exitFailed, err)
			}
			return nil
		})
	addDataFile(c.Flags(), &o.DataFile, env)
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}
