// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each command's help has an example and its exit status, and fits a terminal.
func TestHelp(t *testing.T) {
	commands := [][]string{{}}
	for _, c := range newRoot().Commands() {
		if c.Name() != "help" && c.Name() != "completion" {
			commands = append(commands, []string{c.Name()})
		}
	}
	require.Greater(t, len(commands), 5)
	for _, args := range commands {
		t.Run(strings.Join(append([]string{"userevents"}, args...), " "), func(t *testing.T) {
			var out, errs bytes.Buffer
			assert.Equal(t, exitOK, run(append(args, "--help"), &out, &errs))
			assert.Empty(t, errs.String())
			assert.Contains(t, out.String(), "Exit status:")
			_, examples, _ := strings.Cut(out.String(), "\nExamples:\n")
			assert.Contains(t, examples, "  userevents "+strings.Join(args, ""))
			description, _, ok := strings.Cut(out.String(), "\nUsage:")
			require.True(t, ok)
			for _, l := range strings.Split(description, "\n") {
				assert.LessOrEqual(t, len(l), 90, l)
			}
		})
	}
}

// Whoever reads the usage sees which flags take a file.
func TestFlagsSayWhatTheyTake(t *testing.T) {
	for _, c := range newRoot().Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			switch name, _ := pflag.UnquoteUsage(f); f.Name {
			case "data-file", "event-format", "output":
				assert.Equal(t, "FILE", name, c.Name()+" --"+f.Name)
			case "help", "json", "wait", "summary":
			default:
				assert.Regexp(t, "^[A-Z=]+$", name, c.Name()+" --"+f.Name)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"__complete", ""}, []string{"decode", "doctor", "emit", "listen", "record"}},
		{[]string{"__complete", "listen", "--format", ""}, []string{"lines", "json"}},
		{[]string{"__complete", "listen", "--layout", "f"}, []string{"fieldless"}},
		{[]string{"__complete", "record", "--register", "n"}, []string{"never"}},
		{[]string{"__complete", "listen", "--level", ""}, []string{"critical\nerror\nwarning\ninformation\nverbose\n"}},
		{[]string{"completion", "bash"}, []string{"bash completion V2 for userevents"}},
	} {
		var out, errs bytes.Buffer
		assert.Equal(t, exitOK, run(tt.args, &out, &errs))
		for _, w := range tt.want {
			assert.Contains(t, out.String(), w, tt.args)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"listen", "--layout", "x"}, `--layout "x": must be otlp or fieldless`},
		{[]string{"listen", "--register", "x"}, `--register "x": must be if_missing or never`},
		{[]string{"listen", "--format", "table"}, `--format "table": must be lines or json`},
		{[]string{"listen", "--comm", ""}, `--comm "": must not be empty`},
		{[]string{"listen", "--resource", "x"}, `--resource "x": must be key=value`},
		{[]string{"listen", "--for", "-1s"}, "--for -1s: must not be negative"},
		{[]string{"listen", "--for", "ten"}, `--for "ten": must be a duration, such as 10s or 5m`},
		{[]string{"listen", "--count", "-1"}, `--count "-1": must be a whole number, not negative`},
		{[]string{"listen", "--pid", "x"}, `--pid "x": must be whole numbers, separated by commas`},
		{[]string{"listen", "--name", "a b"}, `--name "a b": must be [A-Za-z_]`},
		{[]string{"listen", "--name", "a", "--name", "a"}, `--name "a": duplicate name`},
		{[]string{"listen", "--pid", "-5"}, "--pid -5: must not be negative"},
		{[]string{"listen", "--events", "sched:*"},
			`--events "sched:*": outside user_events a tracepoint must be named`},
		{[]string{"record", "-o", "x", "--events", "a b"}, `--events "a b": must be the name of a tracepoint`},
		{[]string{"listen", "--level", "info"}, `--level "info": must be critical, error, warning, information,`},
		{[]string{"listen", "--level", "0"}, `--level "0": must be`},
		{[]string{"decode", "--level", "256", "x"}, `--level "256": must be`},
		{[]string{"decode", "--where", "=x", "x"}, `--where "=x": must be key=value`},
		{[]string{"top", "--events", "x"}, "--events"},
		{[]string{"listen", "--nonsense"}, "--nonsense"},
		{[]string{"listen", "extra"}, `"extra": listen takes no arguments`},
		{[]string{"listn"},
			"unknown command \"listn\" for \"userevents\"\nuserevents: Did you mean this?\nuserevents: " +
				"listen\nuserevents: see \"userevents --help\"\n"},
		{[]string{"listen", "--format"}, "see \"userevents listen --help\"\n"},
		{[]string{"--nonsense"}, "--nonsense"},
		{[]string{"record"}, `required flag(s) "output" not set`},
		{[]string{"record", "-o", "x", "true"}, `"true": a command comes after --`},
		{[]string{"record", "-o", "x", "--for", "-1s"}, "--for -1s"},
		{[]string{"record", "-o", "x", "--name", "a b"}, `--name "a b"`},
		{[]string{"decode"}, `FILE is needed, or "-" for stdin`},
		{[]string{"decode", "--format", "x", "x"}, `--format "x": must be lines or json`},
		{[]string{"decode", "--format", "json", "--summary", "x"}, "[format summary] were all set"},
		{[]string{"decode", "--name", "a b", "x"}, `--name "a b": must be`},
		{[]string{"emit", "--series", "0"}, "--series 0: must be 1 to 1000000"},
		{[]string{"emit", "--series", "x"}, `--series "x": must be a whole number`},
		{[]string{"emit", "--rate", "x"}, `--rate "x": must be a number`},
		{[]string{"emit", "--rate", "-1"}, "--rate -1: must not be negative"},
		{[]string{"emit", "--rate", "NaN"}, "--rate NaN"},
		{[]string{"emit", "--interval", "0s"}, "--interval 0s: must be more than 0"},
		{[]string{"emit", "--rate", "1e30"}, "--rate 1e+30: too often"},
		{[]string{"emit", "--rate", "1", "--interval", "100ms"}, "[interval rate] were all set"},
		{[]string{"emit", "--series", "5", "file"}, "not for files"},
		{[]string{"emit", "--for", "-1s"}, "--for -1s"},
		{[]string{"emit", "--name", "a b"}, `--name "a b": must be`},
		{[]string{"doctor", "extra"}, "extra"},
		{[]string{"doctor", "--name", "a b"}, `--name "a b": must be [A-Za-z_]`},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			var out, errs bytes.Buffer
			assert.Equal(t, exitUsage, run(tt.args, &out, &errs))
			assert.Contains(t, errs.String(), tt.want)
			assert.Empty(t, out.String())
		})
	}
}
