// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

// version is that of every module of this repository. scripts/release puts the tag's here; between releases it is the
// next one's, with -dev.
const version = "0.1.0-dev"

// Version returns the version of this module, and of the others of its repository, such as 0.1.0: without the v of the
// tag.
func Version() string { return version }
