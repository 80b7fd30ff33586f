// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric"
)

func TestVersion(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Equal(t, exitOK, run([]string{"--version"}, &out, &errs))
	assert.Regexp(t, `^userevents \d+\.\d+\.\d+(-dev)? (.* )?go1\.`, out.String())
	assert.Empty(t, errs.String())
}

func TestVersionOfBuild(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings map[string]string
		want     string
	}{
		{"go install", nil, " go1.26.0"},
		{"a clone", map[string]string{"vcs.revision": "abc", "vcs.modified": "false"}, " abc go1.26.0"},
		{"a changed clone", map[string]string{"vcs.revision": "abc", "vcs.modified": "true"}, " abc-dirty go1.26.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			info := &debug.BuildInfo{GoVersion: "go1.26.0"}
			for key, value := range test.settings {
				info.Settings = append(info.Settings, debug.BuildSetting{Key: key, Value: value})
			}
			assert.Equal(t, usereventsmetric.Version()+test.want, versionOf(info))
		})
	}
}
