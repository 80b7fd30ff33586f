// SPDX-License-Identifier: Apache-2.0

// The header where an installed library has it.
#include "../../eventheader-tracepoint.h"
