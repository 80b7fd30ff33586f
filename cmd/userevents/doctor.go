// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/doctor"
)

const doctorLong = `Examines whether services can emit on this machine, and listeners listen, as the user
that runs it, and says for each failure what cures it. It also tries both for real, with
a tracepoint of its own (userevents_doctor_<pid>).

A line begins with OK, WARN (it works, but not as well as it might) or FAIL.

  kernel, config       is it new enough, and built with user_events
  tracefs              where it is mounted
  right_to_emit        may this user register tracepoints and write to them
  right_to_listen      may this user attach to them, and by which capability
  perf_event_paranoid  what users without capabilities may
  memlock              how large the listener's rings can be
  pid_namespace        are the pids of all services seen
  user_events_max      how many tracepoints there are, of how many
  tracepoint           is --name registered, and with which fields
  listeners            who listens to it now
  ftrace               is a forgotten ftrace session on, for which services go on writing
  try_emit, try_listen how trying went

With --json it is one JSON object: "ok" (nothing failed), "emit" and "listen" (this was
really done), "checks", a list of "name", "status" (ok, warn or fail), "detail" and,
unless all is well, "cure"; and "facts", with what was found out of "kernel", "tracefs",
"data_file", "cpus", "ring_size" and "wanted_ring" (bytes per CPU),
"perf_event_paranoid", "user_events" and "user_events_max".

Exit codes: 0 both emitting and listening work, and nothing failed; 1 the report cannot
be written; 2 called with wrong arguments; 3 something failed.`

func newDoctor(env func(string) string) *cobra.Command {
	var o doctor.Options
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what keeps this machine from emitting or listening",
		Long:  doctorLong,
		Example: `  userevents doctor
  sudo -u metrics userevents doctor              # as the service's user
  userevents doctor --json | jq -r '.checks[] | select(.status == "fail") | .cure'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := untilEnd(0, nil, true)
			defer stop()
			return examine(ctx, doctor.Machine{}, o, asJSON, c)
		},
	}
	fl := c.Flags()
	fl.StringArrayVar(&o.Names, "name", []string{tracepointName(env)}, "tracepoint to look at (USEREVENTS_TRACEPOINT_NAME); repeatable")
	addDataFile(fl, &o.DataFile, env)
	fl.BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func examine(ctx context.Context, h doctor.Host, o doctor.Options, asJSON bool, c *cobra.Command) error {
	report := doctor.Run(ctx, h, o, doctor.Try)
	write := report.Text
	if asJSON {
		write = report.JSON
	}
	if err := write(c.OutOrStdout()); err != nil && !isClosedOutput(err) {
		return withCode(exitFailed, err)
	}
	if !report.OK {
		return withCode(exitNoAccess, nil)
	}
	return nil
}
