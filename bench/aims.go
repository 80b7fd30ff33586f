// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// aim is something that the exporter is to reach, and what a run says of it.
type aim struct {
	what string
	// cell is where the figure is: section, first and second cell of the row, and the number of the cell.
	section, first, second string
	cell                   int
	least, most            float64 // that the figure may be; 0: no bound
	// why says what stands in the way where it is not reached.
	why string
}

var aims = []aim{
	{
		what: "nobody listening: at most 10 ns for each Export", section: "While nobody listens", first: "Export", second: "1,000 points", cell: 2, most: 10,
		why: "It is two atomic loads and a few calls: look at what has come between them.",
	},
	{
		what: "nobody listening: no allocation", section: "While nobody listens", first: "Export", second: "1,000 points", cell: 3,
		why: "Something escapes to the heap before the enable word is looked at.",
	},
	{
		what: "sums of 4 attributes, sets seen before: 25 times faster than otlpmetrichttp", section: "Encoding, in one process",
		first: "delta sum, 4 attributes", second: "otlpmetrichttp", cell: 5, least: 25,
		why: "Nearly all of it is copying and checking the text of attributes, once. To remember encoded sets does not pay: that one is the same has to be proved, " +
			"and that takes as long as encoding it. The ratio moves by a tenth from run to run and from one layout of the binary to another.",
	},
	{
		what: "the same, a million points: as fast", section: "The size of a cycle", first: "1000000", second: "*", cell: 5, least: 25,
		why: "Nothing is held from point to point, but the SDK's data of 100,000 points and more do not fit into the processor's caches: reading them is what takes the time.",
	},
	{
		what: "sums of 4 attributes, sets never seen: 10 times", section: "Encoding, in one process",
		first: "delta sum, 4 attributes", second: newVersusHTTP, cell: 5, least: 10,
		why: "See above.",
	},
	{
		what: "histograms of 4 attributes: 10 times", section: "Encoding, in one process", first: "histogram, 4 attributes", second: "otlpmetrichttp", cell: 5, least: 10,
		why: "Bounds and counts are copied as they lie in memory; the rest is the attributes.",
	},
	{
		what: "exponential histograms of 4 attributes: 10 times", section: "Encoding, in one process",
		first: "exponential histogram, 4 attributes", second: "otlpmetrichttp", cell: 5, least: 10,
		why: "Each count of a bucket is a varint, about 3 ns.",
	},
	{
		what: "Export, perf listening: at most 3 times the bare writev", section: "Export against what the kernel itself costs",
		first: "perf ring buffers", second: "Export", cell: 4, most: 3,
		why: "The kernel takes few instructions for a data point, since it copies 22 of them at a time; encoding them takes the rest. `make instructions` has both to the instruction. If the figure is from emulation, it says little of a real machine.",
	},
	{
		what: "20 times fewer events than the Rust exporter", section: "Against the Rust exporter", first: "1 metric, short names of attributes", second: rust, cell: 5, least: 20,
		why: "It writes an event for each data point; how many fit into one of ours depends on their size.",
	},
	{
		what: "at most 35 % of its bytes (it writes 2.86 times as many)", section: "Against the Rust exporter", first: "1 metric, short names of attributes", second: rust, cell: 6, least: 2.86,
		why: "What is saved is resource, scope and the metric's description, once for each event and not for each data point. The point itself, nearly all of it attributes, " +
			"takes the same bytes in both: the longer its names, the smaller the difference, and the larger the resource, the larger.",
	},
	{
		what: "at least 5 times less CPU than it", section: "Against the Rust exporter", first: "1 metric, short names of attributes", second: rust, cell: 7, least: 5,
		why: "It makes a system call for each data point.",
	},
}

// rust is how rows of the Rust exporter are called. There are none on a machine without cargo.
const rust = "Rust"

// newVersusHTTP stands for a figure that is no cell but a ratio of two.
const newVersusHTTP = "new sets against otlpmetrichttp"

// aimsSection says of each aim whether the report shows it reached.
func aimsSection(w io.Writer, report string) error {
	table := parseReport(report)
	fmt.Fprint(w, "\n## What is aimed at\n\n| aim | in this run | |\n|---|--:|---|\n")
	var missed []aim
	for _, a := range aims {
		if a.second == rust && !table.ran(rust) {
			fmt.Fprintf(w, "| %s | - | not run |\n", a.what)
			continue
		}
		v, err := table.figure(a)
		if err != nil {
			return err
		}
		said := "reached"
		if v < a.least || v > a.most && a.least == 0 {
			said = "**missed**"
			missed = append(missed, a)
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", a.what, number(v), said)
	}
	for _, a := range missed {
		fmt.Fprintf(w, "\nMissed: %s. %s\n", a.what, a.why)
	}
	return nil
}

// table has the cells of all rows, by section, first and second cell.
type table map[[3]string][]string

func parseReport(report string) table {
	t := table{}
	section, first := "", ""
	for line := range strings.Lines(report) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			section = name
		}
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) < 2 {
			continue
		}
		if cells[0] != "" {
			first = cells[0]
		}
		t[[3]string{section, first, cells[1]}] = cells
		t[[3]string{section, first, "*"}] = cells
	}
	return t
}

// ran reports whether there is any row of this name.
func (t table) ran(second string) bool {
	for key := range t {
		if key[2] == second {
			return true
		}
	}
	return false
}

func (t table) figure(a aim) (float64, error) {
	if a.second == newVersusHTTP {
		fresh, err := t.number(a.section, a.first, "this encoder, new sets", a.cell)
		if err != nil {
			return 0, err
		}
		http, err := t.number(a.section, a.first, "otlpmetrichttp", a.cell)
		return http / fresh, err
	}
	return t.number(a.section, a.first, a.second, a.cell)
}

func (t table) number(section, first, second string, cell int) (float64, error) {
	cells := t[[3]string{section, first, second}]
	if cell >= len(cells) {
		return 0, fmt.Errorf("the report has no row of %q, %q in %q: run all sections", first, second, section)
	}
	return strconv.ParseFloat(strings.TrimSuffix(cells[cell], "x"), 64)
}
