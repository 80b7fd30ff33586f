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

// newPod is the recipe of daemonset.yaml with the volumes that Kubernetes makes.
func newPod(t *testing.T) pod {
	t.Helper()
	p := readPod(t)
	p.hosts["config"] = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(p.hosts["config"], "config.yaml"), []byte(p.config), 0o644))
	p.hosts["state"] = t.TempDir() // DirectoryOrCreate
	return p
}

// The Collector in the container of the recipe, with its configuration, but for the endpoint.
func TestKernelDaemonSetReceives(t *testing.T) {
	p := newPod(t)
	server := newBackend(t)
	c := runCollector(t, 13133, 8888, p.container(t, collectorBinary(t), []string{
		"--config", "/etc/userevents-collector/config.yaml",
		"--config", "yaml:exporters::otlp_http: {endpoint: " + server.URL + "/kernel, " +
			"sending_queue: {storage: file_storage}}",
		"--config", "yaml:service::pipelines::metrics::exporters: [otlp_http]",
	}, "NODE_NAME=node-1"))
	c.awaitHealth(http.StatusOK)
	assert.Equal(t, float64(runtime.NumCPU()), c.count("cpus"))

	a := startApplication(t, applicationConfig{Counters: true})
	a.awaitListener()
	for range 3 {
		a.order("export")
	}
	require.Eventually(t, func() bool { return server.points("kernel") == 3 }, waitLimit, waitTick)
	for _, rm := range server.metrics("kernel").ResourceMetrics().All() {
		attributes := rm.Resource().Attributes().AsRaw()
		assert.Equal(t, int64(a.command.Process.Pid), attributes["process.pid"])
		assert.Equal(t, "node-1", attributes["host.name"])
		assert.NotEmpty(t, attributes["service.instance.id"])
	}
	assert.Zero(t, c.count("instance_ids_not_added")+c.count("lost_events")+c.count("gaps"))
	a.end()
	entries, err := os.ReadDir(p.hosts["state"])
	require.NoError(t, err)
	assert.NotEmpty(t, entries, "what was not sent survives a restart")

	c.stop()
	assert.Contains(t, c.logged(), `"ring": "4MiB"`, "by IPC_LOCK")
	assert.NotContains(t, c.logged(), "operation not permitted")
	assert.NotContains(t, c.logged(), "\twarn\t")
}

// What somebody may do who has taken the Collector over: as root outside of a container, all of it; in one that has the
// whole of tracefs, what harms the host; in the one of the recipe without its seccomp filter, what that is for; and in
// the one of the recipe none of it, but what SECURITY.md says.
func TestKernelDaemonSetConfines(t *testing.T) {
	works := func(outcomes map[string]string, names ...string) {
		t.Helper()
		undoAttempts(t)
		for _, name := range names {
			outcome, ok := outcomes[name]
			assert.True(t, ok && outcome == "", "%s: %s", name, outcome)
		}
	}
	in := func(p pod) func(program string, env ...string) *exec.Cmd {
		return func(program string, env ...string) *exec.Cmd { return p.container(t, program, nil, env...) }
	}
	const inContainer = "/run/tracing"

	outside := attempted(t, "/sys/kernel/tracing", func(program string, env ...string) *exec.Cmd {
		command := exec.Command(program)
		command.Env = append(os.Environ(), env...)
		return command
	})
	works(outside, otherTracepoint, makeUprobe, writeMarker, stopTracing, readTrace, throughInit, openToAll, signalRoot,
		ownByRoot, limitOther, newProcess, userNamespace, mountTracefs, fileInImage, hearUevents,
		perfTracepoint, perfStacks, perfUprobe)

	whole := newPod(t)
	whole.VolumeMounts = []volumeMount{{Name: "all", MountPath: inContainer}}
	whole.hosts["all"] = "/sys/kernel/tracing"
	works(attempted(t, inContainer, in(whole)), otherTracepoint, makeUprobe, writeMarker, stopTracing, readTrace)

	unfiltered := newPod(t)
	unfiltered.SecurityContext.SeccompProfile.Type = "Unconfined"
	works(attempted(t, inContainer, in(unfiltered)), openToAll, signalRoot, ownByRoot, limitOther, newProcess,
		userNamespace)

	inside := attempted(t, inContainer, in(newPod(t)))
	undoAttempts(t)
	assertRefused(t, inside, map[string]string{
		otherTracepoint: readOnly, makeUprobe: missing, writeMarker: missing, stopTracing: missing, readTrace: missing,
		throughInit: denied, openToAll: refused, signalRoot: refused, ownByRoot: refused, limitOther: refused,
		newProcess: refused, userNamespace: refused, mountTracefs: refused, fileInImage: readOnly,
		hearUevents: "", perfTracepoint: "", perfStacks: "", perfUprobe: denied, throughWeak: "",
	})
}
