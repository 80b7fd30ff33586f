// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux && race

package listen

// slower is by how much the race detector makes a test slower, about.
const slower = 8
