// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

const (
	// DefaultDir is where every distribution mounts tracefs.
	DefaultDir = "/sys/kernel/tracing"
	// DataFileName is the file through which processes register and write.
	DataFileName = "user_events_data"
)

// Location says where the kernel's tracing files are.
type Location struct {
	// Dir is the tracefs directory. It is empty when only user_events_data is
	// visible, as in a container that was given nothing but this file; events
	// can be registered and written there, but not looked up.
	Dir string
	// DataFile is the path of user_events_data.
	DataFile string
}

// candidates returns where user_events_data may be, the most likely first: DefaultDir,
// directories where tracefs is mounted, or its directory events with
// user_events_data beside it, single files of tracefs (a user_events_data that was
// bind-mounted into a container is listed as a tracefs mount whose mount point is
// the file), and last debugfs, which has tracefs in a directory below it.
func candidates(mounts []mount) (places []Location, mounted bool) {
	var dirs, files, debug []Location
	for _, m := range mounts {
		switch m.fsType {
		case "tracefs":
			switch {
			case path.Base(m.root) == DataFileName:
				files = append(files, Location{DataFile: m.point})
			case m.root == "/":
				dirs = append(dirs, at(m.point))
			case m.root == "/events" && path.Base(m.point) == "events":
				dirs = append(dirs, at(path.Dir(m.point)))
			}
			// Other roots are bind mounts of a directory inside tracefs (an
			// instance, say), which has no user_events_data.
		case "debugfs":
			if m.root == "/" {
				debug = append(debug, at(path.Join(m.point, "tracing")))
			}
		}
	}
	mounted = len(dirs)+len(files)+len(debug) > 0
	seen := make(map[string]bool)
	for _, list := range [][]Location{{at(DefaultDir)}, dirs, files, debug} {
		for _, l := range list {
			if !seen[l.DataFile] {
				seen[l.DataFile] = true
				places = append(places, l)
			}
		}
	}
	return places, mounted
}

func at(dir string) Location {
	return Location{Dir: dir, DataFile: path.Join(dir, DataFileName)}
}

// host is what finding asks of the machine. Tests put tables in its place.
type host struct {
	stat      func(path string) (fs.FileInfo, error) // follows links, as os.Stat does
	open      func(path string) (*os.File, error)    // for writing
	mountinfo func() (io.ReadCloser, error)          // opens /proc/self/mountinfo
	release   string                                 // of the kernel, "6.1.0-49-amd64", or "" if unknown
}

// firstUsable calls try for each place where user_events_data may be and stops
// at the first that succeeds. If none does, the error is the most informative one:
// a file that is there but cannot be used says more than one that is not.
func firstUsable(h host, try func(Location) error) (Location, error) {
	var mounts []mount
	mountsErr := func() error {
		f, err := h.mountinfo()
		if err != nil {
			return err
		}
		defer f.Close()
		mounts, err = parseMountinfo(f)
		return err
	}()
	places, mounted := candidates(mounts)

	var denied error
	var visible string // a tracefs that has no user_events_data
	for _, l := range places {
		err := try(l)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			if denied == nil {
				denied = Explain(OpOpen, l.DataFile, err)
			}
			continue
		}
		if visible == "" && l.Dir != "" {
			if _, err := h.stat(path.Join(l.Dir, "events")); err == nil {
				visible = l.Dir
			}
		}
	}
	if denied != nil {
		return Location{}, denied
	}

	kernel := "the kernel must be 6.4 or newer and built with CONFIG_USER_EVENTS=y"
	if h.release != "" {
		kernel += " (this one is " + h.release + ")"
	}
	e := &Error{Op: OpFind, Path: places[0].DataFile, Err: fs.ErrNotExist}
	switch {
	case visible != "":
		e.Path = path.Join(visible, DataFileName)
		e.Hint = "tracefs is mounted but has no such file: " + kernel
	case mounted:
		e.Hint = "a mounted tracefs or debugfs was found, without this file: " + kernel
	case mountsErr != nil:
		e.Hint = fmt.Sprintf(
			"no tracefs there, and the list of mounts cannot be read (%v): "+
				"name the file, or mount tracefs with \"mount -t tracefs nodev %s\"",
			mountsErr,
			DefaultDir,
		)
	default:
		e.Hint = fmt.Sprintf(
			"no tracefs is mounted: \"mount -t tracefs nodev %s\" as root, or pass %s into the container; %s",
			DefaultDir,
			DataFileName,
			kernel,
		)
	}
	return Location{}, e
}

func find(h host) (Location, error) {
	return firstUsable(h, func(l Location) error {
		fi, err := h.stat(l.DataFile)
		if err == nil && fi.IsDir() {
			return fs.ErrNotExist
		}
		return err
	})
}

// FindIn is [Find] over a given text of /proc/self/mountinfo and a stat
// function, which must follow links as os.Stat does.
func FindIn(mountinfo io.Reader, stat func(path string) (fs.FileInfo, error)) (Location, error) {
	return find(host{stat: stat, mountinfo: func() (io.ReadCloser, error) { return io.NopCloser(mountinfo), nil }})
}

// below is the directory of a system's events, or of one of them.
func (l Location) below(parts ...string) (string, error) {
	if l.Dir == "" {
		return "", &Error{
			Op:   OpFind,
			Path: path.Join(append([]string{"events"}, parts...)...),
			Err:  fs.ErrNotExist,
			Hint: "only " + l.DataFile + " is visible here: " +
				"reading events also needs the directory " + DefaultDir + "/events",
		}
	}
	for _, part := range parts {
		// An event's name comes from whoever registered it, a path must not.
		if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "/\x00") {
			return "", fmt.Errorf("tracefs: event name %q: not a file name", part)
		}
	}
	return strings.Join(append([]string{l.Dir, "events"}, parts...), "/"), nil
}

// Events lists what is in the directory of a system: the names of its events,
// and of some files, in any order. A system without events has no directory,
// and no names.
func (l Location) Events(system string) ([]string, error) {
	p, err := l.below(system)
	if err != nil {
		return nil, err
	}
	names, err := readNames(p)
	return names, Explain(OpRead, p, err)
}

// Format reads the format of an event. An event that is not registered is an
// error that matches fs.ErrNotExist.
func (l Location) Format(system, name string) (*Format, error) {
	dir, err := l.below(system, name)
	if err != nil {
		return nil, err
	}
	p := path.Join(dir, "format")
	b, err := os.ReadFile(p)
	if err != nil {
		return nil, Explain(OpRead, p, err)
	}
	f, err := ParseFormat(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	return f, nil
}
