// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package top

import tea "charm.land/bubbletea/v2"

// Without user_events nothing is shown.

func controlJob(*tea.Program) (end func()) { return func() {} }
func suspend() tea.Msg                     { return nil }
