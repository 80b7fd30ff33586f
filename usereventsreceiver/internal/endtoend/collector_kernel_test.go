// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// collectorBinary is what scripts/collector built.
func collectorBinary(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	path := filepath.Join(cache, "usereventsmetric", "collector", "userevents-collector")
	require.FileExists(t, path, "make collector builds it")
	return path
}

// collector is a running Collector.
type collector struct {
	t       *testing.T
	command *exec.Cmd
	log     string // path
	health  string // URL
	own     string // URL of its own metrics
	ended   bool
}

// freePort returns a port that nobody has right now.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startCollector runs the Collector with a configuration of receivers, exporters and service, to which extensions and
// telemetry are added, and waits until it is well. What is stored is in the folder state. By is a command that runs it.
func startCollector(t *testing.T, state, config string, by ...string) *collector {
	t.Helper()
	health, own := freePort(t), freePort(t)
	c := launchCollector(t, health, own, config+fmt.Sprintf(`
  extensions: [healthcheckv2, file_storage]
  telemetry:
    logs:
      disable_stacktrace: true
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: 127.0.0.1
                port: %d
extensions:
  healthcheckv2:
    use_v2: true
    component_health:
      include_recoverable_errors: true
    http:
      endpoint: 127.0.0.1:%d
      status:
        path: /
  file_storage:
    directory: %s
`, own, health, state), by...)
	c.awaitHealth(http.StatusOK)
	return c
}

// startShipped runs the Collector with the distribution's configuration, or with what became of it, and waits until it
// is well.
func startShipped(t *testing.T, state, config string) *collector {
	t.Helper()
	c := launchShipped(t, state, config)
	c.awaitHealth(http.StatusOK)
	return c
}

func launchShipped(t *testing.T, state, config string, by ...string) *collector {
	t.Helper()
	t.Setenv("STATE_DIRECTORY", state)
	return launchCollector(t, 13133, 8888, config, by...)
}

// launchCollector does not wait.
func launchCollector(t *testing.T, health, own int, config string, by ...string) *collector {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o644))
	arguments := append(by, collectorBinary(t), "--config", path)
	return runCollector(t, health, own, exec.Command(arguments[0], arguments[1:]...))
}

// runCollector runs it by a command.
func runCollector(t *testing.T, health, own int, command *exec.Cmd) *collector {
	t.Helper()
	c := &collector{
		t: t, command: command, log: filepath.Join(t.TempDir(), "log"),
		health: fmt.Sprintf("http://127.0.0.1:%d", health), own: fmt.Sprintf("http://127.0.0.1:%d/metrics", own),
	}
	log, err := os.Create(c.log)
	require.NoError(t, err)
	defer log.Close()
	c.command.Stdout, c.command.Stderr = log, log
	require.NoError(t, c.command.Start())
	t.Cleanup(func() {
		if !c.ended {
			_ = c.command.Process.Kill()
			_ = c.command.Wait()
		}
		if t.Failed() {
			text, _ := os.ReadFile(c.log)
			t.Logf("the Collector's log:\n%s", text)
		}
	})
	return c
}

// awaitHealth waits until the health check answers with a status, and returns what else it says.
func (c *collector) awaitHealth(status int) string {
	c.t.Helper()
	var body []byte
	require.Eventually(c.t, func() bool {
		response, err := http.Get(c.health + "/?verbose")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err = io.ReadAll(response.Body)
		return err == nil && response.StatusCode == status
	}, waitLimit, waitTick)
	return string(body)
}

func get(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(body), err
}

// stop ends it as systemd does.
func (c *collector) stop() {
	c.t.Helper()
	c.ended = true
	require.NoError(c.t, c.command.Process.Signal(syscall.SIGTERM))
	assert.NoError(c.t, c.command.Wait())
}

// counted returns one of the Collector's own metrics, by the value of a label, without those of 0.
func (c *collector) counted(name, label string) map[string]float64 {
	c.t.Helper()
	got := scrape(c.t, c.own, name, label)
	maps.DeleteFunc(got, func(_ string, v float64) bool { return v == 0 })
	return got
}

func (c *collector) count(name string) float64 {
	c.t.Helper()
	return c.counted("otelcol_receiver_user_events_"+name, "")[""]
}

// scrape sums a metric by the value of a label.
func scrape(t *testing.T, url, name, label string) map[string]float64 {
	t.Helper()
	text, err := get(url)
	require.NoError(t, err)
	return sumsOf(t, text, name, label)
}

// sumsOf sums a metric in Prometheus' text format by the value of a label.
func sumsOf(t *testing.T, text, name, label string) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	for line := range strings.Lines(text) {
		m := sampleForm.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || !isNamed(m[1], name) {
			continue
		}
		value, err := strconv.ParseFloat(m[3], 64)
		require.NoError(t, err)
		key := ""
		if label != "" {
			if l := regexp.MustCompile(`[{,]` + label + `="([^"]*)"`).FindStringSubmatch(m[2]); l != nil {
				key = l[1]
			}
		}
		got[key] += value
	}
	return got
}

var sampleForm = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)`)

func (c *collector) logged() string {
	c.t.Helper()
	text, err := os.ReadFile(c.log)
	require.NoError(c.t, err)
	return string(text)
}

// shippedConfig is the configuration that is documented to run unchanged.
func shippedConfig(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "distribution", "config.yaml"))
	require.NoError(t, err)
	return string(text)
}

// isNamed ignores what Prometheus' conventions add to a name.
func isNamed(found, name string) bool {
	found = strings.TrimSuffix(found, "_total")
	return found == name || found == name+"_seconds"
}
