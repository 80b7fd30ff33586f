// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

const listenLong = `Prints the metrics that services write, as they write them. Needs no service to run
yet: of services that start later it receives the first event already.

Formats (--format):

  lines  a line for each data point
  json   OTLP/JSON: an ExportMetricsServiceRequest a line, as the OpenTelemetry
         Collector's file exporter writes it and its otlpjsonfile receiver reads it

--metric, --resource, --comm and --pid select in both: a message is reduced to the
metrics that are wanted, and not shown where none is left.

The columns of lines are separated by blanks and padded to be readable; no column
but the last contains a blank (in a name it becomes \x20), and none is empty ("-"):

  TIME        when the event was written, UTC: 2006-01-02T15:04:05.000000Z
  PID         of the process, 0 if it is in another pid namespace
  PROCESS     its name
  SERVICE     service.name, or service.name/service.instance.id
  METRIC
  TYPE        gauge, counter, updowncounter, histogram, exphistogram or summary,
              and the temporality where there is one: counter/delta
  VALUE       a number, or n=12,avg=3.4,sum=40.8,min=1,max=9.5 (those that the
              service sends; for a summary p50=3,p99=9)
  UNIT
  ATTRIBUTES  key=value key="another value"; the only column with blanks. Strings
              are quoted where they have blanks or look like another type: n="5"

What services write is never passed to the terminal as it is: characters that
cannot be printed are shown as \x1b or \u202e.

The last line, on stderr, says how many events and data points were shown, how many
events were lost (a service wrote faster than this command could read), how many
gaps there were (a CPU had no ring for some time, and what was written on it then is
missing), how many events were undecodable (not OTLP), and at the end how many were
left unread: after a signal or --for what was written before is still shown, for 5
seconds at most. Losses, gaps and undecodable events are of all processes and
metrics. Who wrote an undecodable event, and what is wrong with it, is printed on
stderr.

Exit status: 0 ended as asked: by --count, --for, a signal (INT, TERM) or a closed
output; 1 failed while listening; 2 called with wrong arguments; 3 this machine, or
this user, cannot listen ("userevents doctor" shows why); 4 ended as asked, but events
were lost, left unread or in a gap.`

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
		Args: cobra.NoArgs,
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
