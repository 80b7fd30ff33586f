// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// fake is a host made of files.
type fake struct {
	files  map[string]string
	links  map[string]string
	denied map[string]error // what opening fails with, for reading and writing
	system string
}

func (f *fake) host() host {
	return host{
		system:   cmp.Or(f.system, "linux"),
		readFile: f.readFile, readDir: f.readDir, readlink: f.readlink, stat: f.stat, openWrite: f.openWrite,
	}
}

func (f *fake) fs() fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range f.files {
		m[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// deny is the error for a path that is denied, or below one that is.
func (f *fake) deny(op, name string) error {
	for p := name; p != "/" && p != "."; p = path.Dir(p) {
		if err := f.denied[p]; err != nil {
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
	}
	return nil
}

func (f *fake) readFile(name string) ([]byte, error) {
	if err := f.deny("open", name); err != nil {
		return nil, err
	}
	b, err := fs.ReadFile(f.fs(), strings.TrimPrefix(name, "/"))
	return b, errno(err)
}

// errno converts an error of package fs into that of the system call.
func errno(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) && errors.Is(err, fs.ErrNotExist) {
		e.Err = syscall.ENOENT
	}
	return err
}

func (f *fake) readDir(name string) (out []fs.DirEntry, err error) {
	if err := f.deny("open", name); err != nil {
		return nil, err
	}
	tree := f.fs()
	for link := range f.links {
		tree[strings.TrimPrefix(link, "/")] = &fstest.MapFile{}
	}
	out, err = fs.ReadDir(tree, strings.TrimPrefix(name, "/"))
	return out, errno(err)
}

func (f *fake) readlink(name string) (string, error) {
	if to, ok := f.links[name]; ok {
		return to, nil
	}
	return "", &fs.PathError{Op: "readlink", Path: name, Err: syscall.ENOENT}
}

func (f *fake) stat(name string) (fs.FileInfo, error) {
	if dir := path.Dir(name); dir != name {
		if err := f.deny("stat", dir); err != nil {
			return nil, err
		}
	}
	info, err := fs.Stat(f.fs(), strings.TrimPrefix(name, "/"))
	return info, errno(err)
}

func (f *fake) openWrite(name string) error {
	if err := f.deny("open", name); err != nil {
		return err
	}
	_, err := f.stat(name)
	return err
}

const otlpFormat = `name: otlp_metrics
ID: 1700
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:u32 protocol;	offset:8;	size:4;	signed:0;
	field:char version[1919247974];	offset:12;	size:8;	signed:0;
	field:__rel_loc u8[] buffer;	offset:20;	size:4;	signed:0;

print fmt: "protocol=%u", REC->protocol
`

const eventHeaderFormat = `name: Shop_L4K1
ID: 1701
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:u8 eventheader_flags;	offset:8;	size:1;	signed:0;
	field:u8 version;	offset:9;	size:1;	signed:0;
	field:u16 id;	offset:10;	size:2;	signed:0;
	field:u16 tag;	offset:12;	size:2;	signed:0;
	field:u8 opcode;	offset:14;	size:1;	signed:0;
	field:u8 level;	offset:15;	size:1;	signed:0;
`

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(s))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

const tracing = "/sys/kernel/tracing"

// healthy is a host with everything, as root sees it, with a service and a listener.
func healthy(t *testing.T) *fake {
	return &fake{
		files: map[string]string{
			"/proc/sys/kernel/osrelease": "6.12.117-cloud\n",
			"/proc/config.gz":            gzipped(t, "CONFIG_X=y\nCONFIG_USER_EVENTS=y\n"),
			"/proc/self/mountinfo": "36 25 0:12 / " + tracing +
				" rw,nosuid - tracefs tracefs rw\n",
			"/proc/self/status":                    "Name:\tx\nCapEff:\t000001ffffffffff\n",
			"/proc/sys/kernel/perf_event_paranoid": "2\n",
			"/proc/sys/kernel/user_events_max":     "32768\n",
			"/proc/sys/kernel/panic_on_warn":       "0\n",
			"/proc/4711/comm":                      "agent\n",
			"/proc/4711/status":                    "",
			"/proc/1/comm":                         "init\n",
			"/proc/uptime":                         "1\n",
			tracing + "/user_events_data":          "",
			tracing + "/user_events_status": "otlp_metrics # Used by perf\nother\n\n" +
				"Active: 2\nBusy: 1\n",
			tracing + "/tracing_on":                                            "1\n",
			tracing + "/events/enable":                                         "0\n",
			tracing + "/events/user_events/otlp_metrics/format":                otlpFormat,
			tracing + "/events/user_events/otlp_metrics/enable":                "0\n",
			tracing + "/instances/mine/events/user_events/otlp_metrics/enable": "0\n",
			tracing + "/instances/mine/tracing_on":                             "1\n",
		},
		links: map[string]string{
			"/proc/self/ns/pid":  "pid:[4026531836]",
			"/proc/self/ns/user": "user:[4026531837]",
			"/proc/4711/fd/3":    "anon_inode:[perf_event]",
			"/proc/4711/fd/4":    "/dev/null",
			"/proc/1/fd/0":       "/dev/null",
		},
		denied: map[string]error{},
	}
}
