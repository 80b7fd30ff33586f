// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// maxMountinfoLine bounds the memory that one line may take. The kernel limits
// the options of a mount to a page, and a path to PATH_MAX (which escaping can
// make four times as long), so no real line is longer than this; one that is
// gets skipped.
const maxMountinfoLine = 64 << 10

// mount is what finding needs of one line of /proc/self/mountinfo.
type mount struct {
	root   string // the directory or file of the filesystem that is mounted
	point  string // where, below the root directory of the process
	fsType string
}

// parseMountinfo reads mount lines as proc_pid_mountinfo(5) describes them:
//
//	36 35 98:0 /root /point rw,noatime master:1 shared:2 - tracefs source rw
//	 0  1    2     3      4          5  6... (optional)  -      0      1  2
//
// Lines of another shape are skipped: a mount that cannot be understood must
// not hide those that can. An error is one of reading only.
func parseMountinfo(r io.Reader) ([]mount, error) {
	var mounts []mount
	br := bufio.NewReaderSize(r, maxMountinfoLine)
	for {
		line, err := br.ReadSlice('\n')
		tooLong := false
		for errors.Is(err, bufio.ErrBufferFull) {
			tooLong = true
			_, err = br.ReadSlice('\n')
		}
		if !tooLong {
			if m, ok := parseMountLine(strings.TrimSuffix(string(line), "\n")); ok {
				mounts = append(mounts, m)
			}
		}
		if errors.Is(err, io.EOF) {
			return mounts, nil
		}
		if err != nil {
			return mounts, err
		}
	}
}

func parseMountLine(line string) (mount, bool) {
	// Not strings.Fields: a mount whose source is the empty string leaves two
	// blanks in a row, which must not shift the fields after it.
	fields := strings.Split(line, " ")
	if len(fields) < 7 {
		return mount{}, false
	}
	for i := 6; i < len(fields); i++ {
		if fields[i] != "-" {
			continue
		}
		if i+1 >= len(fields) || fields[i+1] == "" {
			return mount{}, false
		}
		m := mount{
			root:   unescapeOctal(fields[3]),
			point:  unescapeOctal(fields[4]),
			fsType: unescapeOctal(fields[i+1]),
		}
		return m, strings.HasPrefix(m.point, "/")
	}
	return mount{}, false
}

// unescapeOctal undoes what the kernel does to blank, tab, newline, backslash
// and '#' in a path: a backslash and three octal digits. Anything else stays
// as it is.
func unescapeOctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] <= '3' &&
			isOctal(s[i+1]) && isOctal(s[i+2]) && isOctal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }
