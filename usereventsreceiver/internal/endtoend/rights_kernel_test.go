// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package endtoend

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The Collector runs before it may listen, says that it is not well and why, and attaches when the right is granted.
// What it missed is one gap.
func TestKernelRightsGrantedLater(t *testing.T) {
	state := forOtherUser(t)
	c := launchShipped(t, state, shippedConfig(t), asOtherUser("tracing", "+perfmon", "unlimited")...)
	const denied = "user_events_data: permission denied"
	assert.Contains(t, c.awaitHealth(http.StatusInternalServerError), denied)
	assert.Contains(t, c.logged(), "cannot listen to user_events, will try again")
	assert.Contains(t, c.logged(), denied)
	assert.Zero(t, c.count("cpus"))

	runScript(t, "chgrp other /sys/kernel/tracing/user_events_data")
	assert.NotContains(t, c.awaitHealth(http.StatusOK), denied)
	assert.Equal(t, float64(runtime.NumCPU()), c.count("cpus"))
	assert.Equal(t, map[string]float64{"receiver": 1}, c.counted("otelcol_receiver_user_events_gaps", "gap"))
	assert.Contains(t, c.logged(), "events may have been lost while no listener was attached")
	assert.Positive(t, c.counted("otelcol_receiver_user_events_gap_time", "gap")["receiver"])
	a := startApplication(t, applicationConfig{Counters: true})
	a.awaitListener()
	a.order("export")
	require.Eventually(t, func() bool {
		return scrape(t, shippedPage, "shop_orders", "")[""] == 1
	}, waitLimit, 10*waitTick)
	a.end()
	c.stop()
}

// What the README says of each right that is missing, as a user other than root.
func TestKernelRightsThatAreMissing(t *testing.T) {
	for _, tt := range []struct {
		name                        string
		groups, capability, memlock string
		registered                  bool // by a service
		status                      int
		says                        string
	}{
		{"none", "metrics,tracing", "+perfmon", "unlimited", false, http.StatusOK, `"ring": "4MiB"`},
		{"CAP_PERFMON", "metrics,tracing", "-perfmon", "unlimited", false,
			http.StatusInternalServerError, "CAP_PERFMON"},
		{"the group tracing", "metrics", "+perfmon", "unlimited", false, http.StatusInternalServerError,
			"events/user_events/otlp_metrics/format: permission denied"},
		{"the group metrics", "tracing", "+perfmon", "unlimited", true, http.StatusOK, "listening to user_events"},
		{"the group metrics, and no service", "tracing", "+perfmon", "unlimited", false,
			http.StatusInternalServerError, "user_events_data: permission denied"},
		{"the memlock limit", "metrics,tracing", "+perfmon", "65536", false, http.StatusOK, `"ring": "512KiB"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state := forOtherUser(t)
			runScript(t, "chgrp metrics /sys/kernel/tracing/user_events_data")
			if tt.registered {
				a := startApplication(t, applicationConfig{Counters: true})
				defer a.end()
			}
			c := launchShipped(t, state, shippedConfig(t), asOtherUser(tt.groups, tt.capability, tt.memlock)...)
			c.awaitHealth(tt.status)
			assert.Contains(t, c.logged(), tt.says)
			assert.Equal(t, tt.status == http.StatusOK, c.count("cpus") == float64(runtime.NumCPU()))
			c.stop()
		})
	}
}

func runScript(t *testing.T, script string) {
	t.Helper()
	output, err := exec.Command("bash", "-euc", script).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// forOtherUser makes a user and the groups of docs/deployment.md, whose rights are still root's, and a Collector and a
// folder for its state that the user can enter.
func forOtherUser(t *testing.T) (state string) {
	t.Helper()
	runScript(t, `for g in metrics tracing; do getent group $g || groupadd --system $g; done
getent passwd other || useradd --system --user-group other
mount -o remount,gid=tracing /sys/kernel/tracing
chmod 711 /sys/kernel/tracing
chown root:root /sys/kernel/tracing/user_events_data
chmod 620 /sys/kernel/tracing/user_events_data`)
	cache, state := t.TempDir(), t.TempDir()
	binary := filepath.Join(cache, "usereventsmetric", "collector", "userevents-collector")
	runScript(t, "install -D -m 755 "+collectorBinary(t)+" "+binary)
	t.Setenv("XDG_CACHE_HOME", cache)
	require.NoError(t, os.Chmod(state, 0o777))
	for dir := filepath.Dir(state); dir != "/"; dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	return state
}

// asOtherUser is a command that runs another one as that user, with groups, a capability as setpriv has it, and a limit
// of locked memory in bytes.
func asOtherUser(groups, capability, memlock string) []string {
	return []string{
		"prlimit", "--memlock=" + memlock,
		"setpriv", "--reuid=other", "--regid=other", "--groups=" + groups, "--no-new-privs",
		"--bounding-set=-all," + capability, "--inh-caps=-all," + capability, "--ambient-caps=-all," + capability,
	}
}
