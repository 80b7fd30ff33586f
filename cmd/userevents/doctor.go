// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"io"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/doctor"
	"github.com/otel-userevents/usereventsmetric/listen"
)

//go:embed help/doctor.txt
var doctorLong string

func newDoctor(env func(string) string) *cobra.Command {
	var o doctor.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what keeps this machine from emitting or listening",
		Long:  doctorLong,
		Example: `  userevents doctor
  sudo -u metrics userevents doctor              # as the service's user
  userevents doctor --json | jq -r '.checks[] | select(.status == "fail") | .hint'`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := optionErrors(listen.Options{Names: o.Names}.Validate()); err != nil {
				return usage(err)
			}
			ctx, stop := untilEnd(0, nil, true)
			defer stop()
			return examine(doctor.Run(ctx, o), asJSON, c.OutOrStdout())
		},
	}
	fl := c.Flags()
	fl.StringArrayVar(&o.Names, "name", []string{tracepointName(env)},
		"`NAME` of a tracepoint to examine (USEREVENTS_TRACEPOINT_NAME); repeatable")
	addDataFile(fl, &o.DataFile, env)
	fl.BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func examine(report *doctor.Report, asJSON bool, w io.Writer) error {
	write := report.Text
	if asJSON {
		write = report.JSON
	}
	if err := write(w); err != nil && !isClosedOutput(err) {
		return withStatus(exitFailed, err)
	}
	if !report.OK {
		return withStatus(exitNoAccess, nil)
	}
	return nil
}
