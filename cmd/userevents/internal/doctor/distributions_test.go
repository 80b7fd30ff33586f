// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where user_events are missing, the distribution is named, and the nearest that has them.
func TestDistributions(t *testing.T) {
	const debian, ubuntu = "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", "ID=ubuntu\n"
	for _, tt := range []struct {
		name, release, osRelease string
		off, nearest             string // none: not known to be off
	}{
		{"Debian", "6.12.63+deb13-amd64", debian, "Debian", "Ubuntu 24.04"},
		{"Debian of before 6.4", "6.1.0-49-cloud-amd64", debian, "Debian", "Ubuntu 24.04"},
		{"a kernel made by hand on Debian", "6.12.117", debian, "Debian", "Ubuntu 24.04"},
		{"Fedora", "6.17.8-300.fc43.x86_64", "ID=fedora\n", "Fedora", "Azure Linux 3"},
		{"RHEL", "5.14.0-570.12.1.el9_6.x86_64", "ID=\"rhel\"\n", "RHEL", "Azure Linux 3"},
		{"SLE", "6.4.0-150600.23.7-default", "ID=\"sles\"\n", "SLE 15 SP6", "Azure Linux 3"},
		{"Talos", "6.12.40-talos", "", "Talos", "Azure Linux 3"},
		{"Flatcar", "6.6.95-flatcar", "ID=flatcar\n", "Flatcar", "Azure Linux 3"},
		{"Alpine", "6.12.50-0-lts", "ID=alpine\n", "Alpine", "Ubuntu 24.04"},
		{"Debian in a container on Fedora", "6.17.8-300.fc43.x86_64", debian, "Fedora", "Azure Linux 3"},
		{"Debian in a container on Ubuntu", "6.8.0-45-generic", debian, "", ""},
		{"Debian in WSL2", "6.6.87.2-microsoft-standard-WSL2", debian, "", ""},
		{"Ubuntu", "6.8.0-45-generic", ubuntu, "", ""},
		{"Arch", "6.12.50-1-lts", "ID=arch\n", "", ""},
		{"no os-release", "6.12.0", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := healthy(t)
			delete(f.files, tracing+"/user_events_data")
			f.files["/proc/sys/kernel/osrelease"] = tt.release + "\n"
			f.files["/proc/config.gz"] = gzipped(t, "# CONFIG_USER_EVENTS is not set\n")
			if tt.osRelease != "" {
				f.files["/usr/lib/os-release"] = tt.osRelease
			}
			r := examined(f, Options{}, works)
			assert.False(t, r.OK)
			var text bytes.Buffer
			require.NoError(t, r.Text(&text))
			said := strings.Join(strings.Fields(text.String()), " ")
			assert.Contains(t, said, tt.release)
			if tt.off == "" {
				assert.NotContains(t, said, "distribution")
			} else {
				assert.Contains(t, said, "this distribution's kernels have user_events switched off ("+tt.off+
					"); the nearest that has it is "+tt.nearest)
			}
			if tt.osRelease == debian {
				assert.Contains(t, said, "Debian GNU/Linux 12 (bookworm)")
				assert.Equal(t, "Debian GNU/Linux 12 (bookworm)", r.Facts.Distribution)
			}
		})
	}
}

// What the command says of a distribution is what the page says, with a source and a date.
func TestDistributionsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/kernels.md")
	require.NoError(t, err)
	off := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| (20\d\d-\d\d-\d\d) \|$`).
		FindAllStringSubmatch(string(page), -1) {
		off[row[1]] = strings.HasPrefix(row[2], "off")
	}
	says := func(name string, isOff bool) bool {
		for system, o := range off {
			if strings.Contains(system, name) && o == isOff {
				return true
			}
		}
		return false
	}
	for _, d := range switchedOff {
		assert.True(t, says(d.name, true), d.name)
		distribution, version, _ := strings.Cut(d.nearest, " ")
		assert.True(t, says(distribution, false) && says(version, false), d.nearest)
	}
}
