// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/doctor"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const doctorLong = `Examines whether the user that runs it can emit and listen on this machine, with a hint
for each failure, and tries both with a tracepoint of its own (userevents_doctor_<pid>).

A line begins with OK, WARN (it works, with a limitation or a risk) or FAIL. Where the
kernel has no user_events, only the first checks are made.

  kernel, config       is it new enough, and built with user_events
  tracefs              where it is mounted
  right_to_emit        may this user register tracepoints and write to them
  right_to_listen      may this user attach to them, and by which capability
  perf_event_paranoid  what users without capabilities may
  memlock              how large the listener's rings can be
  pid_namespace        are the pids of all services visible
  panic_on_warn        can a process with user_events panic the machine
  use_after_free       has the kernel the fix of July 2026, as far as its version says
  user_events_max      how many tracepoints are registered, of how many
  tracepoint           is --name registered, and with which fields
  listeners            who listens to it now
  ftrace               is a forgotten ftrace session on, for which services go on writing
  try_emit, try_listen result of emitting and listening

With --json it is one JSON object: "ok" (nothing failed), "emit" and "listen" (this was
done successfully), "checks", a list of "name", "status" (ok, warn or fail), "detail" and,
unless it is ok, "hint"; and "facts", with what was found out of "kernel", "tracefs",
"data_file", "cpus", "ring_size" and "wanted_ring" (bytes per CPU),
"perf_event_paranoid", "user_events" and "user_events_max".

Exit status: 0 both emitting and listening work, and nothing failed; 1 the report cannot
be written; 2 wrong arguments; 3 something failed.`

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
		Args: cobra.NoArgs,
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
