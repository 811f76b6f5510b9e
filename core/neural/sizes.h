// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes of the networks of a patch by name.
#pragma once

#include <array>
#include <string>

#include "core/graph/patch.h"
#include "core/graph/registry.h"

namespace core {

/// "patch": as the patch has it.
inline constexpr std::array<const char*, 4> kSizeNames{"tiny", "small", "full", "patch"};

/// Gives every network in the patch (nodes with a setting `recurrent`) that size; weights of another
/// size are dropped. Error: lists the sizes.
Result<void> applySize(Patch& patch, const Registry& registry, const std::string& name);

/// Whether something in the patch is such a network.
bool hasNetwork(const Patch& patch, const Registry& registry);

}  // namespace core
