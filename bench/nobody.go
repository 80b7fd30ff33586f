// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
)

// nobodySection runs the exporter's own benchmark: only there can an Export be had that nobody listens to on a machine
// without user_events.
func nobodySection(ctx context.Context, s settings, w io.Writer) error {
	long := "1s"
	if s.quick {
		long = "1000x"
	}
	c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkExportToNobody$", "-benchmem",
		"-benchtime", long, ".")
	c.Dir = ".."
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	found := nobodyLine.FindSubmatch(out)
	if found == nil {
		return fmt.Errorf("the benchmark printed no figure: %s", out)
	}
	fmt.Fprintf(w, `
## While nobody listens

| what | of | ns each | allocations |
|---|---|--:|--:|
| Export | 1,000 points | %s | %s |
`, found[1], found[2])
	return nil
}

var nobodyLine = regexp.MustCompile(`BenchmarkExportToNobody\S*\s+\d+\s+([\d.]+) ns/op\s+\d+ B/op\s+(\d+) allocs/op`)
