// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"regexp"
	"slices"
	"strings"
)

// switchedOff are distributions whose kernels are built without user_events: those
// that docs/kernels.md says so of, with its sources.
var switchedOff = []struct {
	name    string         // as in docs/kernels.md
	release *regexp.Regexp // of the releases of its kernels, where that shows
	ids     []string       // ID in os-release
	nearest string         // the nearest relation that has them
}{
	{"Debian", regexp.MustCompile(`(\+(deb|bpo)[0-9]*|^[0-9.]+-[0-9]+)(-cloud)?-amd64$`), []string{"debian"},
		"Ubuntu 24.04"},
	{"Fedora", regexp.MustCompile(`\.fc[0-9]+\.`), []string{"fedora"}, "Azure Linux 3"},
	{"RHEL", regexp.MustCompile(`\.el[0-9]+(_[0-9]+)?\.`), []string{"rhel"}, "Azure Linux 3"},
	{"SLE 15 SP6", regexp.MustCompile(`-150600\.`), nil, "Azure Linux 3"},
	{"Talos", regexp.MustCompile(`-talos$`), []string{"talos"}, "Azure Linux 3"},
	{"Flatcar", regexp.MustCompile(`-flatcar$`), []string{"flatcar"}, "Azure Linux 3"},
	{"Alpine", nil, []string{"alpine"}, "Ubuntu 24.04"}, // Arch has the same form of release
}

// foreign are releases of kernels that are none of these distributions': WSL2's, or
// that of the host of a container, in which os-release is the image's.
var foreign = regexp.MustCompile(
	`microsoft-standard|-(generic|azure|aws|gcp|gke|oracle|arch[0-9-]*)$|-cachyos|\.(azl|amzn)[0-9]`)

// elsewhere says that this distribution's kernels have no user_events, and which
// has them; empty where that is not known. The release of the kernel counts more
// than os-release.
func (e *examination) elsewhere() string {
	for _, d := range switchedOff {
		if d.release != nil && d.release.MatchString(e.Facts.Kernel) {
			return switchedOffSays(d.name, d.nearest)
		}
	}
	id := e.osRelease("ID")
	for _, d := range switchedOff {
		if slices.Contains(d.ids, id) && !foreign.MatchString(e.Facts.Kernel) {
			return switchedOffSays(d.name, d.nearest)
		}
	}
	return ""
}

func switchedOffSays(name, nearest string) string {
	return "this distribution's kernels have user_events switched off (" + name +
		"); the nearest that has it is " + nearest
}

// osRelease is a value of os-release(5), empty if there is none.
func (e *examination) osRelease(key string) string {
	for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		text, _ := e.text(file)
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(line, key+"="); ok {
				return strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	return ""
}
