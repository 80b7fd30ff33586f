// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime/debug"

	"github.com/otel-userevents/usereventsmetric"
)

// version is the repository's, and what the Go tool knows of this build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return usereventsmetric.Version()
	}
	return versionOf(info)
}

// versionOf adds the commit, if the build was of a clone, and Go's version.
func versionOf(info *debug.BuildInfo) string {
	settings := make(map[string]string, len(info.Settings))
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	text := usereventsmetric.Version()
	if revision := settings["vcs.revision"]; revision != "" {
		text += " " + revision
		if settings["vcs.modified"] == "true" {
			text += "-dirty"
		}
	}
	return text + " " + info.GoVersion
}
