// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package top

import (
	"os"

	tea "charm.land/bubbletea/v2"
)

// Without user_events nothing is shown.

func notifyJob(chan<- os.Signal) {}
func obey(os.Signal)             {}
func suspend() tea.Msg           { return nil }
