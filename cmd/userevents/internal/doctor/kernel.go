// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
)

const needsKernel = "Linux 6.4 or newer, built with CONFIG_USER_EVENTS=y, is needed"

// kernel looks at the kernel's release.
func (d *doctor) kernel() {
	b, err := d.host.ReadFile("/proc/sys/kernel/osrelease")
	release := strings.TrimSpace(string(b))
	if err != nil || release == "" {
		d.add("kernel", Warn, fmt.Sprintf("its release cannot be read: %v", err), "mount /proc")
		return
	}
	d.Facts.Kernel = release
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 {
		d.add("kernel", Warn, release+", which is no release that is known", needsKernel)
		return
	}
	switch {
	case major > 6 || major == 6 && minor >= 4:
		d.ok("kernel", "%s (user_events came with 6.4)", release)
	case d.location.DataFile != "":
		d.ok("kernel", "%s, which has user_events although they came with 6.4", release)
	default:
		d.add("kernel", Fail, release+" is older than 6.4", needsKernel)
	}
}

const option = "CONFIG_USER_EVENTS"

// config looks for the option that the kernel must be built with.
func (d *doctor) config() {
	places := []string{"/proc/config.gz"}
	if r := d.Facts.Kernel; r != "" {
		places = append(places, "/boot/config-"+r, "/lib/modules/"+r+"/config", "/usr/lib/modules/"+r+"/config")
	}
	for _, place := range places {
		text, err := d.readConfig(place)
		if err != nil {
			continue
		}
		switch {
		case hasLine(text, option+"=y"):
			d.ok("config", "%s=y in %s", option, place)
		case d.location.DataFile != "":
			// The file in /boot may be of another build.
			d.ok("config", "%s is not in %s, but user_events are there", option, place)
		default:
			d.add("config", Fail, fmt.Sprintf("%s is not set in %s", option, place),
				"build the kernel with "+option+"=y, or boot one that has it (Debian's have not)")
		}
		return
	}
	if d.location.DataFile != "" {
		d.ok("config", "no configuration of this kernel is readable, but user_events are there")
		return
	}
	d.add("config", Warn, "no configuration of this kernel is readable: neither "+strings.Join(places, " nor "),
		"where user_events_data is missing although tracefs is mounted, "+option+" is not set: "+needsKernel)
}

// maxConfig bounds a configuration, in bytes.
const maxConfig = 4 << 20

func (d *doctor) readConfig(name string) (string, error) {
	b, err := d.host.ReadFile(name)
	if err != nil || !strings.HasSuffix(name, ".gz") {
		return string(b), err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	b, err = io.ReadAll(io.LimitReader(z, maxConfig))
	return string(b), err
}

func hasLine(text, line string) bool {
	for _, l := range strings.Split(text, "\n") {
		if strings.TrimSpace(l) == line {
			return true
		}
	}
	return false
}

// initialPIDNamespace is the inode of the pid namespace that the kernel makes at
// boot: PROC_PID_INIT_INO in include/linux/proc_ns.h.
const initialPIDNamespace = "pid:[4026531836]"

// namespace tells whether processes can be seen by their numbers.
func (d *doctor) namespace() {
	ns, err := d.host.Readlink("/proc/self/ns/pid")
	switch {
	case err != nil:
		d.add("pid_namespace", Warn, fmt.Sprintf("not known: %v", err), "mount /proc")
	case ns == initialPIDNamespace:
		d.ok("pid_namespace", "the host's: all processes are seen by their pids")
	default:
		d.add("pid_namespace", Warn, "not the host's: events of processes outside are received with pid 0 and without a name",
			"run listeners in the host's pid namespace (docker run --pid host, hostPID: true) if the pids matter")
	}
}
