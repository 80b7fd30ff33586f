// SPDX-License-Identifier: Apache-2.0

// Not with LinuxTracepoints' library, which keeps its one descriptor, and so the tracepoint, until the process ends,
// and takes none that is open: what these tests take away and give back stays.
//go:build kernel && disruptive && !linuxtracepoints

package exporter_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// The recipes of docs/deployment.md, each taken from there and run as it is written. Its my-service and my-listener are
// this test binary under those names.

const (
	deployment = "../../../docs/deployment.md"
	programs   = "/usr/local/bin"
	systemd    = "/lib/systemd/systemd"
	rwPath     = "ReadWritePaths=/sys/kernel/tracing/user_events_data\n"
	noRight    = "permission denied"
	noWriting  = "read-only file system"
)

func init() {
	mains := map[string]func() error{"my-service": myService, "my-listener": myListener, "my-member": myMember}
	run, ok := mains[filepath.Base(os.Args[0])]
	if !ok {
		return
	}
	if err := run(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

// myService exports once. What goes to otel.Handle goes to its standard error.
func myService() error {
	var options []usereventsmetric.Option
	if file := inheritedUserEvents(); file != nil {
		defer file.Close()
		options = append(options, usereventsmetric.WithUserEventsFile(file))
	}
	exporter, err := usereventsmetric.New(options...)
	if err != nil {
		return err
	}
	if err := exporter.Export(context.Background(), metrictest.CountingSums(5)); err != nil {
		return err
	}
	return exporter.Shutdown(context.Background())
}

// inheritedUserEvents returns the user_events_data that this process was
// started with, or nil. It is called once, and early.
func inheritedUserEvents() *os.File {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil
	}
	for i, name := range strings.Split(os.Getenv("LISTEN_FDNAMES"), ":") {
		if fd := 3 + i; name == "user_events_data" {
			syscall.CloseOnExec(fd)
			return os.NewFile(uintptr(fd), name)
		}
	}
	return nil
}

// myListener receives one event.
func myListener() error {
	listener, err := listen.Open(listen.Options{MaxDelay: 10 * time.Millisecond})
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Println("listening")
	var event listen.Event
	if err := listener.Read(context.Background(), &event); err != nil {
		return err
	}
	fmt.Println("received from", event.PID)
	return nil
}

var triedBlock = regexp.MustCompile("(?s)<!-- tried: ([^ ]+) -->\n+```[a-z]*\n(.*?)```\n")

// recipe returns a block of the document.
func recipe(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deployment)
	require.NoError(t, err)
	for _, block := range triedBlock.FindAllStringSubmatch(string(text), -1) {
		if block[1] == name {
			return block[2]
		}
	}
	require.Failf(t, "not in the document", "%s: <!-- tried: %s -->", deployment, name)
	return ""
}

func without(t *testing.T, text, part string) string {
	t.Helper()
	require.Contains(t, text, part)
	return strings.Replace(text, part, "", 1)
}

func shell(script string) *exec.Cmd {
	command := exec.Command("bash", "-euc", script)
	command.Dir = "../../.."
	return command
}

func runShell(t *testing.T, script string) string {
	t.Helper()
	output, err := shell(script).CombinedOutput()
	require.NoError(t, err, "%s\n%s", script, output)
	return string(output)
}

// newHost has the programs, the users and the groups of the recipes. noRights is how it starts.
func newHost(t *testing.T) {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	for _, name := range []string{"my-service", "my-listener", "my-member"} {
		path := filepath.Join(programs, name)
		require.NoError(t, os.WriteFile(path, self, 0o755))
		t.Cleanup(func() { assert.NoError(t, os.Remove(path)) })
	}
	t.Cleanup(func() {
		noRights(t)
		runShell(t, `rm -f /etc/sysusers.d/user_events.conf /etc/tmpfiles.d/user_events.conf
			userdel my-service; userdel my-listener; groupdel metrics; groupdel tracing`)
	})
	runShell(t, recipe(t, "groups")+recipe(t, "users"))
}

func stat(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(runShell(t, "stat -c '%A %U %G %n' "+kerneltest.Tracing+" "+dataFile))
}

func noRights(t *testing.T) {
	t.Helper()
	require.NoError(t, syscall.Mount("", kerneltest.Tracing, "", syscall.MS_REMOUNT, "gid=0"))
	require.NoError(t, os.Chown(kerneltest.Tracing, 0, 0))
	require.NoError(t, os.Chmod(kerneltest.Tracing, 0o700))
	require.NoError(t, os.Chown(dataFile, 0, 0))
	require.NoError(t, os.Chmod(dataFile, 0o640))
}

// works runs something that starts my-service, whose metrics are to arrive, without a complaint.
func works(t *testing.T, script string) {
	t.Helper()
	collected := kerneltest.Collect(t, listen.Options{})
	output := runShell(t, script)
	collected.Drained(t)
	assert.Equal(t, metrictest.Numbers(5), collected.Sums(t))
	assert.Equal(t, "done\n", output)
}

// reports runs something that starts my-service, which is to say why its metrics do not arrive, and to go on.
func reports(t *testing.T, why, script string) {
	t.Helper()
	collected := kerneltest.Collect(t, listen.Options{})
	output := runShell(t, script)
	collected.Drained(t)
	assert.Empty(t, collected.Payloads)
	assert.Equal(t, 1, strings.Count(output, "tries again: "), output)
	assert.Contains(t, output, why)
	assert.Contains(t, output, "done\n", "the service goes on")
}

// receives runs something that starts my-listener, which is to receive what an exporter writes here.
func receives(t *testing.T, script string) {
	t.Helper()
	command := shell(script)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	command.Stderr = os.Stderr
	require.NoError(t, command.Start())
	lines := bufio.NewReader(output)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "listening\n", line)
	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
	require.NoError(t, err)
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5)))
	require.NoError(t, exporter.Shutdown(t.Context()))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.NoError(t, command.Wait())
	assert.Equal(t, fmt.Sprintf("received from %d\ndone\n", os.Getpid()), string(rest))
}

// Whatever the document says was tried is tried in this file.
func TestKernelRecipeEachIsTried(t *testing.T) {
	text, err := os.ReadFile(deployment)
	require.NoError(t, err)
	source, err := os.ReadFile("deployment_kernel_test.go")
	require.NoError(t, err)
	blocks := triedBlock.FindAllStringSubmatch(string(text), -1)
	assert.Len(t, blocks, strings.Count(string(text), "<!-- tried: "))
	for _, block := range blocks {
		assert.Contains(t, string(source), `recipe(t, "`+block[1]+`")`)
	}
	assert.Contains(t, string(source), recipe(t, "inherited"), "the Go code is the code that is tried here")
}

// All on one host, since making one takes its time where every instruction is emulated.
func TestKernelRecipes(t *testing.T) {
	newHost(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"rights", recipeRights},
		{"fstab", recipeFstab},
		{"launcher", recipeLauncher},
		{"container", recipeContainer},
		{"user namespace", recipeUserNamespace},
		{"listener", recipeListener},
		{"listener in a container", recipeContainerListener},
		{"systemd", recipeSystemd},
	} {
		t.Run(test.name, func(t *testing.T) {
			noRights(t)
			test.run(t)
		})
	}
}

func recipeRights(t *testing.T) {
	service := recipe(t, "service")
	reports(t, noRight, service)

	t.Run("by hand", func(t *testing.T) {
		runShell(t, recipe(t, "by-hand"))
		works(t, service)
		noRights(t)
	})
	t.Run("systemd-tmpfiles", func(t *testing.T) {
		runShell(t, recipe(t, "tmpfiles"))
		works(t, service)
		assert.Equal(t, strings.TrimSpace(recipe(t, "tmpfiles-seen")), stat(t))
	})
	t.Run("they survive an unmounted tracefs", func(t *testing.T) {
		kerneltest.WithoutTracefs(t)()
		assert.Equal(t, strings.TrimSpace(recipe(t, "tmpfiles-seen")), stat(t))
	})
	t.Run("no other right comes with them", func(t *testing.T) {
		for _, attempt := range []string{"</trace", ">/trace_marker", "</user_events_status"} {
			attempt = attempt[:1] + kerneltest.Tracing + attempt[1:]
			script := strings.Replace(service, "my-service\n", "sh -c '"+attempt+"'\n", 1)
			require.NotEqual(t, service, script)
			output, err := shell(script).CombinedOutput()
			require.Error(t, err, attempt)
			assert.Contains(t, string(output), "Permission denied")
		}
	})
	t.Run("a group for the directory is a group for its files", func(t *testing.T) {
		runShell(t, "chgrp metrics "+kerneltest.Tracing)
		group := runShell(t, "stat -c %G "+kerneltest.Tracing+"/trace")
		assert.Equal(t, "metrics\n", group, "so a member may read what others trace")
	})
}

func recipeFstab(t *testing.T) {
	before, err := os.ReadFile("/etc/fstab")
	require.NoError(t, err)
	mounts := kerneltest.WithoutTracefs(t)
	t.Cleanup(func() { assert.NoError(t, os.WriteFile("/etc/fstab", before, 0o644)) })
	runShell(t, recipe(t, "fstab"))
	group := runShell(t, "stat -c %G "+kerneltest.Tracing+"/trace")
	assert.Equal(t, "tracing\n", group)
	runShell(t, "umount "+kerneltest.Tracing)
	mounts()
}

func recipeLauncher(t *testing.T) {
	launcher := recipe(t, "launcher")
	works(t, launcher)
	works(t, strings.Replace(launcher, "3>", "3<>", 1)) // as systemd's OpenFile= opens it
}

func recipeContainer(t *testing.T) {
	container := recipe(t, "container")
	runShell(t, "chgrp metrics "+dataFile+"; chmod 620 "+dataFile) // nobody but root may enter the directory
	works(t, container)

	const bind = "mount --bind /sys/kernel/tracing/user_events_data /run/user_events_data\n"
	const variable = "export USEREVENTS_DATA_FILE=/run/user_events_data\n"
	works(t, without(t, container, variable))
	reports(t, "no tracefs is mounted", without(t, without(t, container, bind), variable))
	reports(t, noRight, strings.Replace(container, "--groups=metrics", "--clear-groups", 1))
}

func recipeUserNamespace(t *testing.T) {
	rootless := recipe(t, "rootless")
	reports(t, noRight, rootless)
	runShell(t, recipe(t, "by-hand"))
	works(t, rootless)
}

func recipeListener(t *testing.T) {
	runShell(t, recipe(t, "tmpfiles"))
	listener := recipe(t, "listener")
	refused := func(why, script string) {
		output, err := shell(script).CombinedOutput()
		require.Error(t, err)
		assert.Contains(t, string(output), why)
	}
	refused("events/user_events/otlp_metrics/format: permission denied", listener)
	runShell(t, recipe(t, "listener-rights"))
	receives(t, listener)
	refused("CAP_PERFMON", strings.ReplaceAll(listener, "+perfmon", "-perfmon"))
}

func recipeContainerListener(t *testing.T) {
	container := recipe(t, "container-listener")
	receives(t, container)

	// What it is not given. Root outside of it may do that.
	const enable = "echo 1 >%s/events/sched/sched_switch/enable"
	runShell(t, fmt.Sprintf(enable, kerneltest.Tracing))
	runShell(t, strings.Replace(fmt.Sprintf(enable, kerneltest.Tracing), "1", "0", 1))
	inside := func(script string) string {
		attempt := strings.Replace(container, "my-listener\n", "sh -c '"+script+"'\n", 1)
		require.NotEqual(t, container, attempt)
		return attempt
	}
	output, err := shell(inside(fmt.Sprintf(enable, "/run/tracing"))).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(output), "Read-only file system")
	assert.Equal(t, "events\nuser_events_data\n", runShell(t, inside("ls /run/tracing")))
}

// The units, in a systemd that is process 1 of a pid namespace.
func recipeSystemd(t *testing.T) {
	init, err := os.ReadFile("/proc/1/comm")
	require.NoError(t, err)
	require.NotEqual(
		t,
		"systemd\n",
		string(init),
		"a second systemd would manage the cgroups of the first: run this test in the VM",
	)
	runShell(t, recipe(t, "tmpfiles")+recipe(t, "listener-rights"))

	hardened := recipe(t, "my-service.service")
	units := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(units, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("written.service", hardened)
	write("refused.service", without(t, hardened, rwPath))
	write("elsewhere.service", strings.Replace(hardened, rwPath, recipe(t, "BindPaths="), 1))
	write("my-listener.service", recipe(t, "my-listener.service"))
	write("service.d/test.conf", "[Unit]\nDefaultDependencies=no\n"+
		"[Service]\nStandardOutput=truncate:"+units+"/%n.out\nStandardError=inherit\n")
	write("recipes.target", "[Unit]\nDefaultDependencies=no\n"+
		"Wants=written.service refused.service elsewhere.service my-listener.service\n")
	output := func(unit string) string {
		text, _ := os.ReadFile(filepath.Join(units, unit+".service.out"))
		return string(text)
	}

	collected := kerneltest.Collect(t, listen.Options{})
	manager := exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc",
		systemd, "--system", "--unit=recipes.target", "--log-target=null", "--show-status=no")
	manager.Env = append(os.Environ(), "container=test", "SYSTEMD_UNIT_PATH="+units, "SYSTEMD_GENERATOR_PATH="+units)
	var log bytes.Buffer
	manager.Stdout, manager.Stderr = &log, &log
	require.NoError(t, manager.Start())
	t.Cleanup(func() {
		assert.NoError(t, manager.Process.Kill())
		_ = manager.Wait()
	})

	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
	require.NoError(t, err)
	defer func() { assert.NoError(t, exporter.Shutdown(context.Background())) }()
	require.Eventually(t, func() bool {
		// For the listener, which comes some time.
		if err := exporter.Export(t.Context(), metrictest.CountingSums(5)); err != nil {
			t.Log(err)
		}
		for _, unit := range []string{"written", "refused", "elsewhere", "my-listener"} {
			if !strings.Contains(output(unit), "done\n") {
				return false
			}
		}
		return true
	}, 2*time.Minute, 100*time.Millisecond, "%s", &log)
	collected.Drained(t)

	var theirs []int64
	for i, payload := range collected.Payloads {
		if collected.PIDs[i] != os.Getpid() {
			theirs = append(theirs, metrictest.SumsOf(t, payload)...)
		}
	}
	assert.Equal(t, slices.Concat(metrictest.Numbers(5), metrictest.Numbers(5)), theirs)
	assert.Equal(t, "done\n", output("written"))
	assert.Equal(t, "done\n", output("elsewhere"))
	assert.Contains(t, output("refused"), noWriting)
	assert.Contains(t, output("refused"), "ProtectKernelTunables=")
	// The exporter here is outside of its pid namespace.
	assert.Regexp(t, `^listening\nreceived from (0|[0-9]+)\ndone\n$`, output("my-listener"))
}
