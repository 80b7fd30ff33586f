// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux && !race

package listen

const slower = 1
