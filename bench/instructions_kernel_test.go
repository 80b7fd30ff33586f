// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// baselines has what was counted, by the compilers and the kernel that it depends on.
const baselines = "testdata/instructions.json"

// margin is how much more than its baseline something may take before it is a failure. Counts repeat to 0.2 %.
const margin = 0.01

var (
	update = flag.Bool("update", false, "make what TestInstructions counts the baseline")
	gcc    = flag.String("gcc", "", "the `version` of the C compiler")
)

// counted are instructions for each data point, the kernel's included.
type counted map[string]float64

// TestInstructions compares what a data point takes with the baseline. It needs a machine whose clock counts
// instructions, where what else runs has no influence: only "make instructions" runs it.
func TestInstructions(t *testing.T) {
	var u unix.Utsname
	require.NoError(t, unix.Uname(&u))
	key := fmt.Sprintf("%s %s, gcc %s, Linux %s", runtime.Version(), runtime.GOARCH, *gcc,
		unix.ByteSliceToString(u.Release[:]))
	text, err := os.ReadFile(baselines)
	require.NoError(t, err)
	all := map[string]counted{}
	require.NoError(t, json.Unmarshal(text, &all))

	now := countInstructions(t)
	for _, name := range slices.Sorted(maps.Keys(now)) {
		fmt.Printf("%-52s %5.0f instructions per point", name, now[name])
		if before, ok := all[key][name]; ok {
			fmt.Printf(", baseline %.0f (%+.1f %%)", before, 100*(now[name]/before-1))
		}
		fmt.Println()
	}
	if *update {
		all[key] = now
		text, err := json.MarshalIndent(all, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(baselines, append(text, '\n'), 0o644))
		return
	}
	if all[key] == nil {
		fmt.Printf("no baseline is known for %s; \"make instructions UPDATE=-update\" makes one\n", key)
	}
	assert.Empty(t, now.exceeding(all[key]), "more than %.0f %% above the baseline of %s (hint: find out why; "+
		"if it is worth it, make instructions UPDATE=-update)", 100*margin, key)
}

// exceeding names what is above its baseline by more than the margin, or is not counted any more.
func (now counted) exceeding(baseline counted) (names []string) {
	for name, before := range baseline {
		n, ok := now[name]
		switch {
		case !ok:
			names = append(names, name+" (not counted)")
		case n > before*(1+margin):
			names = append(names, name)
		}
	}
	return names
}

func countInstructions(t *testing.T) counted {
	now := counted{}
	for kind, name := range map[string]string{
		sum: "delta sum", histogram: "histogram", exponential: "exponential histogram",
	} {
		source, encoder := workload{kind: kind, points: points, attributes: 4}.source(), otlp.NewEncoder(messageSize)
		cycle := func() error { return encode(encoder, source.metrics) }
		now["encode "+name+", 4 attributes"] = instructions(t, nil, cycle)
		newSets := func() error { source.newSets(); return nil }
		now["encode "+name+", 4 attributes, new sets"] = instructions(t, newSets, cycle)
	}
	export := newExport(t, workload{kind: sum, points: points, attributes: 4})
	t.Run("perf", func(t *testing.T) {
		now["Export, perf ring buffers"] = instructions(t, underPerf(t), export)
	})
	t.Run("ftrace", func(t *testing.T) { now["Export, ftrace"] = instructions(t, underFtrace(t), export) })
	return now
}

// instructions of a cycle, for each point, where a nanosecond is one: the least of several runs, which is the one that
// was not interrupted. prepare, if there is one, is called before each.
func instructions(t *testing.T, prepare, cycle func() error) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var took []time.Duration
	for range 12 {
		if prepare != nil {
			require.NoError(t, prepare())
		}
		begin := time.Now()
		err := cycle()
		took = append(took, time.Since(begin))
		require.NoError(t, err)
	}
	return float64(slices.Min(took[3:])) / points // the first fill caches
}

func TestKernelInstructionsExceeding(t *testing.T) {
	baseline := counted{"a": 100, "b": 1}
	assert.Empty(t, counted{"a": 100.9, "b": 0.5, "new": 7}.exceeding(baseline), "within the margin, less, new")
	assert.Equal(t, []string{"a"}, counted{"a": 101.1, "b": 1}.exceeding(baseline))
	assert.Equal(t, []string{"b (not counted)"}, counted{"a": 100}.exceeding(baseline))
	assert.Empty(t, counted{"a": 1}.exceeding(nil), "no baseline is known")
}
