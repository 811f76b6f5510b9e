// SPDX-License-Identifier: GPL-3.0-or-later
// The one place that lists the node types.
#pragma once

#include "core/graph/registry.h"

namespace nodes {

/// All node types, in the order of the browser. Owned by the caller and passed down.
core::Registry makeRegistry();

}  // namespace nodes
