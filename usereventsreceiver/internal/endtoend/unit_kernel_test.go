// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package endtoend

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prepareHost prepares the machine for the unit, as the unit's first lines say.
const prepareHost = `
cd ../../distribution
install -D -m 644 ../../packaging/sysusers.d/user_events.conf /etc/sysusers.d/user_events.conf
install -D -m 644 userevents-collector.sysusers.conf /etc/sysusers.d/userevents-collector.conf
systemd-sysusers
install -D -m 644 ../../packaging/tmpfiles.d/user_events.conf /etc/tmpfiles.d/user_events.conf
mount -o remount,gid=tracing /sys/kernel/tracing
systemd-tmpfiles --create /etc/tmpfiles.d/user_events.conf
install -D -m 755 "$1" /usr/local/bin/userevents-collector
install -D -m 644 config.yaml /etc/userevents-collector/config.yaml
`

// The unit unchanged, in a systemd that is process 1 of a pid namespace: a user other than root, one capability, a
// limit.
func TestKernelUnit(t *testing.T) {
	init, err := os.ReadFile("/proc/1/comm")
	require.NoError(t, err)
	require.NotEqual(t, "systemd\n", string(init),
		"a second systemd would manage the cgroups of the first: run this test in the VM")
	output, err := exec.Command("bash", "-euc", prepareHost, "bash", collectorBinary(t)).CombinedOutput()
	require.NoError(t, err, "%s", output)
	output, err = exec.Command("systemd-analyze", "verify", "../../distribution/userevents-collector.service").
		CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Empty(t, string(output), "systemd finds no fault with the unit")

	const name = "123e4" // which is not to become a number
	setHostname(t, name)

	units := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(units, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	unit, err := os.ReadFile(filepath.Join("..", "..", "distribution", "userevents-collector.service"))
	require.NoError(t, err)
	write("userevents-collector.service", string(unit))
	write("userevents-collector.service.d/test.conf", "[Unit]\nDefaultDependencies=no\n"+
		"[Service]\nStandardOutput=truncate:"+units+"/out\nStandardError=inherit\n")
	write("attempts.service", attemptsUnit(t, string(unit)))
	write("attempts.service.d/test.conf", "[Unit]\nDefaultDependencies=no\n"+
		"[Service]\nStandardOutput=truncate:"+units+"/attempts\nStandardError=inherit\n")
	write("test.target", "[Unit]\nDefaultDependencies=no\nWants=userevents-collector.service attempts.service\n")
	manager := exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc",
		"/lib/systemd/systemd", "--system", "--unit=test.target", "--log-target=console", "--show-status=no")
	manager.Env = append(os.Environ(), "container=test", "SYSTEMD_UNIT_PATH="+units, "SYSTEMD_GENERATOR_PATH="+units)
	var log bytes.Buffer
	manager.Stdout, manager.Stderr = &log, &log
	require.NoError(t, manager.Start())
	t.Cleanup(func() {
		assert.NoError(t, manager.Process.Kill())
		_ = manager.Wait()
		if t.Failed() {
			out, _ := os.ReadFile(filepath.Join(units, "out"))
			attempts, _ := os.ReadFile(filepath.Join(units, "attempts"))
			t.Logf("systemd:\n%s\nthe Collector:\n%s\nthe attempts:\n%s", &log, out, attempts)
		}
	})
	require.Eventually(t, func() bool {
		_, err := get("http://127.0.0.1:13133")
		return err == nil
	}, waitLimit, 10*waitTick)

	a := startApplication(t, applicationConfig{Counters: true})
	a.awaitListener()
	for range 3 {
		a.order("export")
	}
	require.Eventually(t, func() bool {
		return scrape(t, shippedPage, "shop_orders", "")[""] == 3
	}, waitLimit, 10*waitTick)
	byHost := scrape(t, shippedPage, "shop_orders", "host_name")
	assert.Equal(t, map[string]float64{name: 3}, byHost)
	own := func(name string) float64 {
		return scrape(t, "http://127.0.0.1:8888/metrics", "otelcol_receiver_user_events_"+name, "")[""]
	}
	assert.Equal(t, float64(runtime.NumCPU()), own("cpus"))
	// The application is in no pid namespace that the Collector knows.
	assert.Equal(t, float64(3), own("instance_ids_not_added"))
	a.end()
	out, err := os.ReadFile(filepath.Join(units, "out"))
	require.NoError(t, err)
	assert.Contains(t, string(out), `"ring": "4MiB"`, "the limit allows it")
	assert.NotContains(t, string(out), "warn")
	assert.DirExists(t, "/var/lib/userevents-collector")

	var outcomes map[string]string
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(units, "attempts"))
		return err == nil && json.Unmarshal(text, &outcomes) == nil
	}, waitLimit, 10*waitTick)
	undoAttempts(t)
	assertRefused(t, outcomes, map[string]string{
		otherTracepoint: denied, makeUprobe: missing, writeMarker: missing, stopTracing: missing, readTrace: denied,
		throughInit: denied, openToAll: refused, signalRoot: refused, ownByRoot: "", limitOther: refused,
		newProcess: "", userNamespace: refused, mountTracefs: refused, fileInImage: readOnly,
		hearUevents: "", perfTracepoint: "", perfStacks: "", perfUprobe: denied, throughWeak: denied,
	})
}

// setHostname names the machine, also for systemd, which sets the name again when it starts.
func setHostname(t *testing.T, name string) {
	t.Helper()
	const file = "/etc/hostname"
	before, err := os.Hostname()
	require.NoError(t, err)
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, os.WriteFile(file, written, 0o644))
		assert.NoError(t, syscall.Sethostname([]byte(before)))
	})
	require.NoError(t, os.WriteFile(file, []byte(name+"\n"), 0o644))
	require.NoError(t, syscall.Sethostname([]byte(name)))
}

// attemptsUnit is the unit with the attempts in place of the Collector.
func attemptsUnit(t *testing.T, unit string) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	const program = "/usr/local/bin/attempts"
	require.NoError(t, os.WriteFile(program, self, 0o755))
	t.Cleanup(func() { assert.NoError(t, os.Remove(program)) })
	// In its pid namespace, systemd is process 1.
	config, err := json.Marshal(attemptsConfig{Tracing: "/run/tracing", Victim: 1, Weak: 1})
	require.NoError(t, err)
	command := regexp.MustCompile(`(?m)^ExecStart=.*$`)
	require.Len(t, command.FindAllString(unit, -1), 1)
	return strings.Replace(command.ReplaceAllString(unit, "ExecStart="+program+"\nEnvironment='"+attemptsVariable+"="+
		string(config)+"'"), "Restart=on-failure\n", "", 1)
}
